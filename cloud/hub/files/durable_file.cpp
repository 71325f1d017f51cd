#include "cloud/hub/files/durable_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace ota::hub {
namespace {

FileError failure(std::string what) {
  const int code = errno;
  return {code, std::move(what) + ": " + std::strerror(code)};
}

FileResult<Ok> sync_directory_of(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  const OpenFile file(
      ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file || ::fsync(file.get()) != 0) return failure("cannot sync the directory " + directory);
  return Ok{};
}

}  // namespace

bool FileError::no_space() const { return code == ENOSPC || code == EDQUOT || code == EFBIG; }

OpenFile& OpenFile::operator=(OpenFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

OpenFile::~OpenFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int OpenFile::release() { return std::exchange(descriptor_, -1); }

FileResult<DurableFile> DurableFile::create(const std::string& path, mode_t mode) {
  const std::string part = path + kPartSuffix;
  ::unlink(part.c_str());  // A leftover of a power cut; its mode may be another.
  OpenFile file(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file) return failure("cannot create " + part);
  return DurableFile(path, std::move(file));
}

DurableFile::~DurableFile() {
  if (file_) ::unlink(part_path().c_str());
}

FileError DurableFile::error(const char* what) const {
  return failure(std::string(what) + " " + part_path());
}

FileResult<Ok> DurableFile::append(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return error("cannot write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return Ok{};
}

FileResult<Ok> DurableFile::commit() {
  if (::fsync(file_.get()) != 0) return error("cannot sync");
  if (::rename(part_path().c_str(), path_.c_str()) != 0) return error("cannot rename");
  OpenFile(file_.release());
  return sync_directory_of(path_);
}

FileResult<Ok> write_durably(const std::string& path, std::string_view content, mode_t mode) {
  OTA_TRY(DurableFile file, DurableFile::create(path, mode));
  OTA_TRY(file.append(bytes_of(content)));
  return file.commit();
}

FileResult<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return failure("cannot open " + path);
  std::string content;
  char piece[4096];
  while (true) {
    const ssize_t size = ::read(file.get(), piece, sizeof piece);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return failure("cannot read " + path);
    if (size == 0) return content;
    content.append(piece, static_cast<std::size_t>(size));
    if (content.size() > bytes_max) return FileError{EFBIG, path + " is larger than expected"};
  }
}

FileResult<Ok> make_private_directory(const std::string& path) {
  std::error_code code;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), code);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return failure("cannot create the directory " + path);
  if (!std::filesystem::is_directory(path, code))
    return FileError{ENOTDIR, path + " is not a directory"};
  return Ok{};
}

FileResult<DirectoryLock> DirectoryLock::acquire(const std::string& directory) {
  const std::string path = directory + "/lock";
  OpenFile file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return failure("cannot open " + path);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failure("cannot lock " + path);
    return FileError{EWOULDBLOCK, "another hub already runs with the state directory " + directory +
                                      "; stop it, or choose another directory with --state"};
  }
  return DirectoryLock(std::move(file));
}

}  // namespace ota::hub
