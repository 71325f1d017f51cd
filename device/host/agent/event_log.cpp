#include "device/host/agent/event_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

namespace ota::agent {

Result<std::unique_ptr<EventLog>, std::string> EventLog::open(const std::string& path) {
  std::unique_ptr<EventLog> log(new EventLog);
  if (path == "-") {
    log->descriptor_ = STDOUT_FILENO;
  } else if (!path.empty()) {
    log->descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log->descriptor_ < 0) return path + ": " + std::strerror(errno);
    log->owned_ = true;
  }
  return log;
}

EventLog::~EventLog() {
  if (owned_) ::close(descriptor_);
}

void EventLog::write(std::string_view event, Fields fields) {
  if (descriptor_ < 0) return;
  nlohmann::ordered_json line;
  line["event"] = event;
  for (const auto& [name, value] : fields) {
    std::visit([&line, &name = name](auto content) { line[std::string(name)] = content; }, value);
  }
  const std::string text =
      line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  const std::lock_guard lock(mutex_);
  // A full disk must not stop an update; the line is then lost.
  (void)!::write(descriptor_, text.data(), text.size());
}

}  // namespace ota::agent
