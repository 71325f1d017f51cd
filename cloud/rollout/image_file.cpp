#include "cloud/rollout/image_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "contract/limits.hpp"

namespace ota::rollout {
namespace {

Failure input(std::string code, std::string message) {
  return {.kind = Failure::Kind::Input, .code = std::move(code), .message = std::move(message)};
}

Failure unreadable(const std::string& path, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return input("file_missing", "there is no file " + path + "; check the path");
  }
  return input("file_unreadable",
               "cannot read " + path + " (" + std::strerror(error) + "); check its mode and owner");
}

Outcome<std::uint64_t> check(const std::string& path, const struct stat& about) {
  if (!S_ISREG(about.st_mode)) {
    return input("file_unreadable", path + " is not a regular file; name a firmware file");
  }
  const auto size = static_cast<std::uint64_t>(about.st_size);
  if (size == 0) {
    return input("file_empty", path + " is empty; name the firmware that was built");
  }
  if (size > contract::kImageBytesMax) {
    return input("file_too_large", path + " has " + std::to_string(size) +
                                       " bytes, but a device can store at most " +
                                       std::to_string(contract::kImageBytesMax) +
                                       " on its 16 MiB flash; make the image smaller");
  }
  return size;
}

}  // namespace

Outcome<ImageFile> open_image(const std::string& path) {
  const int file =
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe must not block
  if (file < 0) return unreadable(path, errno);
  struct Closer {
    int file;
    ~Closer() { ::close(file); }
  } const closer{file};
  struct stat about {};
  if (::fstat(file, &about) != 0) return unreadable(path, errno);
  OTA_TRY(const std::uint64_t size, check(path, about));

  Sha256 sha256;
  rest::ContentMd5Builder md5;
  std::vector<std::byte> chunk(256 * 1024);
  std::uint64_t taken = 0;
  while (true) {
    const ssize_t count = ::read(file, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(path, errno);
    if (count == 0) break;
    const Bytes bytes(chunk.data(), static_cast<std::size_t>(count));
    sha256.update(bytes);
    md5.update(bytes);
    taken += bytes.size();
    if (taken > size) break;
  }
  if (taken != size) {
    return input("file_changed", path + " changes while it is read; wait until it is written");
  }
  return ImageFile{.path = path,
                   .base_name = std::filesystem::path(path).filename().string(),
                   .size_bytes = size,
                   .sha256 = sha256.finish(),
                   .md5 = md5.finish()};
}

}  // namespace ota::rollout
