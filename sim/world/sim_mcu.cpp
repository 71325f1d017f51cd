#include "sim/world/sim_mcu.hpp"

#include <algorithm>
#include <array>

namespace ota::sim {

Status SimMcu::program(const mcu::ImageInfo& image, mcu::ImageSource& source) noexcept {
  if (!step()) return Errc::Io;
  if (busy_calls > 0) {
    --busy_calls;
    return Errc::Busy;
  }
  ++programmings;
  running_.clear();
  if (on_programming) on_programming(image);
  if (!takes_image(image, source)) return Errc::Io;
  if (failures_left > 0) {
    --failures_left;
    return Errc::Nack;
  }
  if (programmed_ != image.sha256) ++wrong_images;
  if (mute_images.contains(image.version)) return Ok{};
  running_ = std::string(image.mcu_version.view());
  if (lying_images.contains(image.version)) running_ += "-factory";
  if (answers_lost > 0) {
    --answers_lost;
    return Errc::Timeout;
  }
  return Ok{};
}

bool SimMcu::takes_image(const mcu::ImageInfo& image, mcu::ImageSource& source) noexcept {
  const Bytes right = image_of ? image_of(image) : Bytes();
  bool same = right.size() == image.size_bytes;
  Sha256 hash;
  std::array<std::byte, 4096> buffer{};
  for (std::uint32_t offset = 0; offset < image.size_bytes;) {
    const auto count = source.read(offset, buffer);
    if (!step() || !count || *count == 0) return false;
    const Bytes piece = Bytes(buffer).first(*count);
    same = same && std::equal(piece.begin(), piece.end(), right.begin() + offset);
    if (right.empty()) hash.update(piece);
    offset += static_cast<std::uint32_t>(*count);
  }
  programmed_ = right.empty() ? hash.finish() : same ? image.sha256 : Digest{};
  return true;
}

Result<mcu::VersionText> SimMcu::running_version() noexcept {
  if (!step() || running_.empty()) return Errc::Timeout;
  return mcu::VersionText(std::string_view(running_));
}

}  // namespace ota::sim
