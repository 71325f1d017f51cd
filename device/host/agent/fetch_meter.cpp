#include "device/host/agent/fetch_meter.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/sha256.hpp"

namespace ota::agent {
namespace {

/// A number that is different for different offers; never zero, which is an empty file's.
std::uint64_t key_of(const contract::Identity& offer) noexcept {
  Sha256 hash;
  std::array<std::byte, 8> numbers{};
  store_le32(numbers.data(), offer.version);
  store_le32(numbers.data() + 4, offer.attempt);
  hash.update(numbers);
  hash.update(offer.sha256);
  return load_le64(hash.finish().data()) | 1U;
}

}  // namespace

FetchMeter::FetchMeter(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  void* mapped = MAP_FAILED;
  if (file >= 0 && ::ftruncate(file, sizeof(Record)) == 0) {
    mapped = ::mmap(nullptr, sizeof(Record), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  }
  if (mapped == MAP_FAILED) {
    spdlog::warn("{}: {}; counting the bytes of this run only", path, std::strerror(errno));
  } else {
    record_ = static_cast<Record*>(mapped);
  }
  if (file >= 0) ::close(file);
  bytes_ = record_->bytes;
}

FetchMeter::~FetchMeter() {
  if (record_ != &local_) ::munmap(record_, sizeof(Record));
}

void FetchMeter::begin(const contract::Identity& offer) noexcept {
  const std::uint64_t key = key_of(offer);
  if (record_->offer == key) return;
  *record_ = {key, 0};
  bytes_.store(0, std::memory_order_relaxed);
}

void FetchMeter::add(std::uint64_t bytes) noexcept {
  record_->bytes += bytes;
  bytes_.store(record_->bytes, std::memory_order_relaxed);
}

}  // namespace ota::agent
