#include "device/host/command/mcu_lock.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>

#include <cerrno>

namespace ota::command {

std::optional<McuLock> McuLock::acquire(const std::string& path,
                                        std::chrono::steady_clock::time_point deadline) {
  constexpr int kPollMs = 50;
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return std::nullopt;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return std::nullopt;
    if (std::chrono::steady_clock::now() >= deadline) {
      errno = EWOULDBLOCK;
      return std::nullopt;
    }
    (void)::poll(nullptr, 0, kPollMs);
  }
  return McuLock(std::move(fd));
}

}  // namespace ota::command
