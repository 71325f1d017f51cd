#include "sim/flash/flash_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <vector>

namespace ota::sim {
namespace {

// The life of the part: magic, layout, FlashStats in host byte order. It never leaves the machine
// and is no truth: a file of another layout begins a new life.
constexpr std::uint64_t kLifeMagic = 0x314546494C41544FULL;  // "OTALIFE1"
struct Life {
  std::uint64_t magic;
  FlashStats stats;
};

std::string system_reason() { return std::strerror(errno); }

bool fill_blank(int file) {
  const std::vector<std::byte> blank(kBlockBytes, std::byte{0xFF});
  for (std::uint32_t at = 0; at < kFlashBytes; at += kBlockBytes) {
    if (::pwrite(file, blank.data(), blank.size(), at) != static_cast<ssize_t>(blank.size())) {
      return false;
    }
  }
  return true;
}

/// A process killed while it created the file leaves only blank bytes, but too few of them.
bool is_unfinished_blank(int file, off_t size) {
  std::vector<std::byte> piece(kBlockBytes);
  for (off_t at = 0; at < size;) {
    const ssize_t read = ::pread(file, piece.data(), piece.size(), at);
    if (read <= 0) return false;
    const auto end = piece.begin() + read;
    if (std::find_if(piece.begin(), end, [](auto b) { return b != std::byte{0xFF}; }) != end) {
      return false;
    }
    at += read;
  }
  return size < kFlashBytes;
}

void* map_shared(int file, std::size_t size) {
  void* const at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  return at == MAP_FAILED ? nullptr : at;
}

}  // namespace

Result<std::unique_ptr<FlashFile>, std::string> FlashFile::open(const std::string& path) {
  std::unique_ptr<FlashFile> file(new FlashFile);
  std::string problem;
  if (!file->map_image(path, problem) || !file->map_stats(path + ".stats", problem)) {
    return problem;
  }
  return file;
}

bool FlashFile::map_image(const std::string& path, std::string& problem) {
  image_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (image_ < 0) {
    problem = "cannot open the flash file " + path + ": " + system_reason();
    return false;
  }
  if (::flock(image_, LOCK_EX | LOCK_NB) != 0) {
    problem = errno == EWOULDBLOCK
                  ? "the flash file " + path +
                        " is used by another process; stop it, or give each device its own file"
                  : "cannot lock the flash file " + path + ": " + system_reason();
    return false;
  }
  struct stat info {};
  if (::fstat(image_, &info) != 0 || !S_ISREG(info.st_mode)) {
    problem = "the flash file " + path + " is not a regular file";
    return false;
  }
  if (is_unfinished_blank(image_, info.st_size)) {
    if (!fill_blank(image_)) {
      problem = "cannot create the flash file " + path + " (16 MiB): " + system_reason();
      return false;
    }
  } else if (info.st_size != kFlashBytes) {
    problem = "the flash file " + path + " has " + std::to_string(info.st_size) +
              " bytes, but a W25Q128 has " + std::to_string(kFlashBytes) +
              "; name another file, or remove this one to begin with a blank flash";
    return false;
  }
  cells_ = static_cast<std::byte*>(map_shared(image_, kFlashBytes));
  if (cells_ == nullptr) problem = "cannot map the flash file " + path + ": " + system_reason();
  return cells_ != nullptr;
}

bool FlashFile::map_stats(const std::string& path, std::string& problem) {
  life_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  struct stat info {};
  const bool usable = life_ >= 0 && ::fstat(life_, &info) == 0 && S_ISREG(info.st_mode);
  const bool same_size = usable && info.st_size == static_cast<off_t>(sizeof(Life));
  if (usable && (same_size || ::ftruncate(life_, sizeof(Life)) == 0)) {
    life_page_ = map_shared(life_, sizeof(Life));
  }
  if (life_page_ == nullptr) {
    problem = "cannot keep the flash statistics in " + path + ": " + system_reason();
    return false;
  }
  std::uint64_t magic = 0;
  std::memcpy(&magic, life_page_, sizeof magic);
  // The mapping is what the last process left, so the object already lives there; only a foreign
  // one is begun anew.
  Life* const life = same_size && magic == kLifeMagic ? static_cast<Life*>(life_page_)
                                                      : new (life_page_) Life{kLifeMagic, {}};
  stats_ = &life->stats;
  return true;
}

FlashFile::~FlashFile() {
  if (cells_ != nullptr) ::munmap(cells_, kFlashBytes);
  if (life_page_ != nullptr) ::munmap(life_page_, sizeof(Life));
  if (life_ >= 0) ::close(life_);
  if (image_ >= 0) ::close(image_);
}

}  // namespace ota::sim
