#pragma once

#include <string>

#include "base/result.hpp"

namespace ota::agent {

/// An exclusive lock on a file, held until the object ends or the process dies.
class FileLock {
 public:
  enum class Failure : unsigned char { HeldByAnother, System };
  struct Error {
    Failure failure;
    std::string detail;
  };

  enum class Missing : unsigned char { IsCreated, IsError };
  static Result<FileLock, Error> acquire(const std::string& path,
                                         Missing missing = Missing::IsCreated);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) noexcept : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace ota::agent
