#pragma once

// An MCU with a bootloader, in a folder.
//
// Model: programming erases the application first, so an interrupted programming leaves an MCU
// without one; then the bytes are written at a given rate; then the bootloader checks size and
// SHA-256, keeps the version that it was told (a real one reads it from the image's header), and
// starts the application if its vector table is valid. An application that does not start reports
// no version. Can fail: a cut at any byte (end the process), an image with a broken vector table, a
// wrong hash, input that ends early. Not modelled: wires, option bytes, read-out protection.
//
// Files: flash.bin (what is programmed so far), header (size, hash and version; written last, at
// once).

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/sha256.hpp"

namespace ota::sim {

enum class BootCheck : std::uint8_t {
  CortexM,    // the vector table decides
  NotErased,  // all that does not begin with erased flash: for stand-ins that are no Cortex-M
              // firmware
};

struct McuOrder {
  std::uint64_t size_bytes = 0;
  Digest sha256{};
  std::string version = {};
};

struct McuError {
  std::string message;  // one sentence for a person
};

/// Fills the span with the next bytes of the image; 0 at its end.
using McuInput = std::function<std::size_t(MutableBytes)>;

/// Called before each written piece with its size: the place to spend the time of a slow flash.
using McuPace = std::function<void(std::size_t)>;

class VirtualMcu {
 public:
  explicit VirtualMcu(std::filesystem::path folder, BootCheck check = BootCheck::CortexM)
      : folder_(std::move(folder)), check_(check) {}

  /// @power_cut no application, until the next complete programming
  Result<std::uint64_t, McuError> program(const McuOrder& order, const McuInput& input,
                                          const McuPace& pace = {});

  /// What the application reports; an error if none starts.
  Result<std::string, McuError> version() const;

 private:
  std::filesystem::path folder_;
  BootCheck check_;
};

}  // namespace ota::sim
