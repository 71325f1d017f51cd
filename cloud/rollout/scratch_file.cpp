#include "cloud/rollout/scratch_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

namespace ota::rollout {

Outcome<ScratchFile> ScratchFile::open() {
  std::error_code error;
  const auto folder = std::filesystem::temp_directory_path(error);
  std::string path = (folder / "mcu-ota.XXXXXX").string();
  const int file = error ? -1 : ::mkostemp(path.data(), O_CLOEXEC);  // mode 0600
  if (file >= 0) return ScratchFile(std::move(path), file);
  return Failure{.kind = Failure::Kind::Failed,
                 .code = "scratch_file",
                 .message = "cannot make a temporary file (" +
                            (error ? error.message() : std::string(std::strerror(errno))) +
                            "); set TMPDIR to a folder that can be written"};
}

ScratchFile::ScratchFile(ScratchFile&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      file_(std::exchange(other.file_, -1)),
      problem_(std::move(other.problem_)) {}

ScratchFile::~ScratchFile() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(path_.c_str());
}

bool ScratchFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      problem_ = "cannot write the temporary file " + path_ + " (" + std::strerror(errno) +
                 "); make room, or set TMPDIR to another folder";
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace ota::rollout
