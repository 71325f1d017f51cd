#pragma once

#include <cstddef>
#include <span>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace ota::flash {

/// One exchange inside one chip select: `command` and `write` go out, then `read` comes in. The two
/// outgoing parts spare the caller a copy of its data behind opcode and address.
struct SpiFrame {
  Bytes command;
  Bytes write{};
  MutableBytes read{};
};

/// The wire to one SPI flash, with the time that passes on it. Mode 0, most significant bit first.
class SpiBus : public Clock {
 public:
  /// Performs the frames in order, each with its own chip select. Handing over several at once
  /// saves calls, each of which costs a system call on Linux: write enable and page program go
  /// together.
  ///
  /// @param frames  1 .. kFramesMax, each with at most frame_bytes_max() bytes in all
  /// @errors OutOfRange: a frame is too long, and frame_bytes_max() has become smaller; the part
  /// saw nothing of it. Io: the bus failed. It is not known which of the frames the part saw.
  virtual Status transfer(std::span<const SpiFrame> frames) noexcept = 0;

  /// The longest frame, command included, that one transfer carries.
  virtual std::size_t frame_bytes_max() const noexcept = 0;

  /// Lets at least `duration` pass.
  virtual void wait(Duration duration) noexcept = 0;

  static constexpr std::size_t kFramesMax = 4;

 protected:
  ~SpiBus() = default;  // used by reference, never owned
};

}  // namespace ota::flash
