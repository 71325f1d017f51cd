#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "device/core/mcu/programmer.hpp"

namespace ota::test {

/// An MCU that loses its application when programming begins and starts the new one when it is
/// whole.
///
/// Faults: programming that fails or seems to, an image that programs well and never answers, or
/// answers with another version, somebody else who holds the MCU, and a power cut before any of its
/// steps (a piece written, or a question).
class TestMcu final : public mcu::Programmer {
 public:
  explicit TestMcu(std::string running) : running_(std::move(running)) {}

  bool has_mcu() const noexcept override { return true; }

  Status program(const mcu::ImageInfo& image, mcu::ImageSource& source) noexcept override {
    if (!step()) return Errc::Io;
    if (busy_calls > 0) {
      --busy_calls;
      return Errc::Busy;
    }
    ++programmings;
    running_.clear();
    Sha256 hash;
    std::vector<std::byte> piece(4096);
    for (std::uint32_t offset = 0; offset < image.size_bytes;) {
      const auto count = source.read(offset, piece);
      if (!step() || !count || *count == 0) return Errc::Io;
      hash.update(Bytes(piece).first(*count));
      offset += static_cast<std::uint32_t>(*count);
    }
    if (failures_left > 0) {
      --failures_left;
      return Errc::Nack;
    }
    const Digest digest = hash.finish();
    if (digest != image.sha256) ++wrong_images;
    programmed_ = digest;
    if (mute_images.contains(image.version)) return Ok{};
    running_ = std::string(image.mcu_version.view());
    if (lying_images.contains(image.version)) running_ += "-factory";
    if (answers_lost > 0) {
      --answers_lost;
      return Errc::Timeout;
    }
    return Ok{};
  }

  Result<mcu::VersionText> running_version() noexcept override {
    if (!step() || running_.empty()) return Errc::Timeout;
    return mcu::VersionText(std::string_view(running_));
  }

  const std::string& running() const noexcept { return running_; }
  const Digest& programmed() const noexcept { return programmed_; }
  std::uint64_t steps() const noexcept { return steps_; }

  int programmings = 0;
  int failures_left = 0;
  int answers_lost = 0;  // programmings that end well, and nobody hears of it
  int busy_calls = 0;
  int wrong_images = 0;
  std::set<std::uint32_t> mute_images;         // versions that never answer
  std::set<std::uint32_t> lying_images;        // versions that answer with another one
  std::function<bool(std::uint64_t)> on_step;  // false: the power is gone

 private:
  bool step() noexcept { return !on_step || on_step(steps_++); }

  std::string running_;
  Digest programmed_{};
  std::uint64_t steps_ = 0;
};

}  // namespace ota::test
