#pragma once

// What happens, as one JSON object a line, for scripts and tests: they act on events instead of
// waiting for time to pass.
//
//   {"event":"started","agent":"0.1.0"}
//   {"event":"connected","hub":"..","device":".."}   {"event":"disconnected","reason":".."}
//   {"event":"offer","version":n} | {"event":"withdrawn"}
//   {"event":"phase","phase":"..","status":"..","code":"..","target":n,"version":n}
//   {"event":"request","firstByte":n}
//   {"event":"progress","bytes":n,"size":n,"percent":n,"fetched":n}
//   {"event":"outcome","number":n,"status":"..","code":"..","version":n,"target":n,"fetched":n,
//    "detail":".."}
//   {"event":"acknowledged","number":n}   {"event":"stopped"}
//
// `fetched` counts the bytes handed to the store for this offer, restarts included. New members may
// be added.

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/result.hpp"

namespace ota::agent {

class EventLog {
 public:
  using Value = std::variant<std::uint64_t, std::string_view>;
  using Fields = std::initializer_list<std::pair<std::string_view, Value>>;

  /// Appends to a file; "-" is the standard output, an empty name drops everything.
  static Result<std::unique_ptr<EventLog>, std::string> open(const std::string& path);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  /// One whole line in one write: a reader never sees half of one. @thread any
  void write(std::string_view event, Fields fields = {});

 private:
  EventLog() = default;
  std::mutex mutex_;
  int descriptor_ = -1;
  bool owned_ = false;
};

}  // namespace ota::agent
