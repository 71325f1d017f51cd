#include "cli/key_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.hpp"

namespace ota::cli {
namespace {

Problem cannot_write(const std::string& path, int error) {
  const char* advice = error == EEXIST ? "; name a file that does not exist yet"
                                       : "; name a file in a folder that you may write to";
  return {
      .exit_code = ExitCode::Usage,
      .code = "key_file",
      .message = "cannot write the key to " + path + " (" + std::strerror(error) + ")" + advice};
}

}  // namespace

Result<std::string, Problem> read_key_file(const std::string& path) {
  constexpr std::size_t kBytesMax = 64 * 1024;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::string text(kBytesMax + 1, '\0');
  const ssize_t count = file < 0 ? -1 : ::read(file, text.data(), text.size());
  const int error = errno;
  if (file >= 0) ::close(file);
  if (count < 0) {
    return usage_problem("cannot read " + path + " (" + std::strerror(error) +
                         "); check its name, owner and mode");
  }
  if (count == 0 || static_cast<std::size_t>(count) > kBytesMax) {
    return usage_problem(path + (count == 0 ? " is empty" : " is larger than 64 KiB") +
                         "; name the right file");
  }
  text.resize(static_cast<std::size_t>(count));
  return std::string(trimmed(text));
}

std::optional<Problem> check_key_file(const std::string& path) {
  struct stat about {};
  if (::lstat(path.c_str(), &about) == 0) return cannot_write(path, EEXIST);
  const std::size_t slash = path.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
  if (::access(folder.c_str(), W_OK | X_OK) != 0) return cannot_write(path, errno);
  return std::nullopt;
}

std::optional<Problem> write_key_file(const std::string& path, std::string_view secret) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return cannot_write(path, errno);
  const std::string line = std::string(secret) + "\n";
  const bool written = ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  const int error = written && ::fsync(file) == 0 ? 0 : errno;
  ::close(file);
  if (error == 0) return std::nullopt;
  ::unlink(path.c_str());
  return cannot_write(path, error);
}

}  // namespace ota::cli
