#pragma once

#include <functional>
#include <set>
#include <string>

#include "device/core/mcu/programmer.hpp"

namespace ota::sim {

/// An MCU that loses its application when programming begins, and starts the new one when it is
/// whole.
///
/// Faults: programming that fails or seems to, an image that programs well and never answers, or
/// answers with another version, somebody else who holds the MCU, and a power cut before any of its
/// steps (a piece written, or a question).
class SimMcu final : public mcu::Programmer {
 public:
  explicit SimMcu(std::string running) : running_(std::move(running)) {}

  bool has_mcu() const noexcept override { return true; }
  Status program(const mcu::ImageInfo& image, mcu::ImageSource& source) noexcept override;
  Result<mcu::VersionText> running_version() noexcept override;

  /// The version text of what runs; empty: nothing does.
  const std::string& running() const noexcept { return running_; }
  /// The hash of what was programmed last as a whole.
  const Digest& programmed() const noexcept { return programmed_; }
  std::uint64_t steps() const noexcept { return steps_; }

  /// The bytes of an image, to compare with what arrives; empty: its hash decides.
  std::function<Bytes(const mcu::ImageInfo&)> image_of = {};

  int programmings = 0;
  int failures_left = 0;
  int answers_lost = 0;  // programmings that end well, and nobody hears of it
  int busy_calls = 0;
  int wrong_images = 0;
  std::set<std::uint32_t> mute_images = {};         // versions that never answer
  std::set<std::uint32_t> lying_images = {};        // versions that answer with another one
  std::function<bool(std::uint64_t)> on_step = {};  // false: the power is gone
  std::function<void(const mcu::ImageInfo&)> on_programming = {};  // its flash is being erased

 private:
  bool takes_image(const mcu::ImageInfo& image, mcu::ImageSource& source) noexcept;
  bool step() noexcept { return !on_step || on_step(steps_++); }

  std::string running_;
  Digest programmed_{};
  std::uint64_t steps_ = 0;
};

}  // namespace ota::sim
