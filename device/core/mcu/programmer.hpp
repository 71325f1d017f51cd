#pragma once

// The seam between the update engine and whatever programs the MCU.

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/fixed_text.hpp"
#include "base/result.hpp"
#include "base/sha256.hpp"
#include "contract/limits.hpp"

namespace ota::mcu {

using VersionText = FixedText<contract::kMcuVersionBytesMax>;

/// What is to be programmed.
struct ImageInfo {
  std::uint32_t version = 0;
  std::uint32_t size_bytes = 0;
  Digest sha256{};
  VersionText mcu_version;
};

/// Reads the verified image from the flash, piece by piece.
class ImageSource {
 public:
  /// Fills `out` from `offset`; short only at the end of the image.
  virtual Result<std::size_t> read(std::uint32_t offset, MutableBytes out) noexcept = 0;

 protected:
  ~ImageSource() = default;
};

class Programmer {
 public:
  /// False for store-only: the verified image on the flash is the result, and there is no MCU to
  /// ask.
  virtual bool has_mcu() const noexcept = 0;

  /// Programs the whole image from the start, whatever state the MCU is in: it may be called again
  /// after any cut. Blocks within its own time-out, computed from the image's size. Once begun it
  /// is never cancelled.
  /// @errors Timeout, Nack, Io, Busy (somebody else holds the MCU)
  virtual Status program(const ImageInfo& image, ImageSource& source) noexcept = 0;

  /// Asks the MCU which version it runs. @errors Timeout, Io: it does not answer
  virtual Result<VersionText> running_version() noexcept = 0;

 protected:
  ~Programmer() = default;
};

}  // namespace ota::mcu
