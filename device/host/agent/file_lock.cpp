#include "device/host/agent/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ota::agent {

Result<FileLock, FileLock::Error> FileLock::acquire(const std::string& path, Missing missing) {
  const int create = missing == Missing::IsCreated ? O_CREAT : 0;
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC | create, 0600);
  if (descriptor < 0) return Error{Failure::System, path + ": " + std::strerror(errno)};
  FileLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) {
    return Error{Failure::HeldByAnother, path + ": another agent is using it; stop that one first"};
  }
  return Error{Failure::System, path + ": " + std::strerror(errno)};
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace ota::agent
