#pragma once

// Programs the MCU with a program of the user's, whatever the MCU and its wires are.
//
// The program gets the image on standard input and in its environment
//   OTA_VERSION      the release's version, decimal
//   OTA_SIZE         bytes of the image, decimal
//   OTA_SHA256       its hash, 64 lower-case hex digits
//   OTA_MCU_VERSION  what the MCU must report afterwards
// It runs in a process group of its own, is killed with the agent, and has the MCU's lock as
// descriptor 3. Exit code 0 and a fully read standard input mean done; anything else is a failure.
// The version program prints what the MCU runs; its first line counts.

#include <chrono>
#include <functional>
#include <string>

#include "device/core/mcu/programmer.hpp"
#include "device/host/command/command.hpp"

namespace ota::command {

struct ProgrammerSettings {
  Command program = {};
  Command version = {};
  std::string lock_file = {};  // as /run/mcu-ota/mcu.lock
  std::chrono::milliseconds program_timeout_base = std::chrono::seconds(60);
  std::uint32_t bytes_per_second_min =
      2048;  // 115,200 baud with a slow bootloader makes about 5,000
  std::chrono::milliseconds version_timeout = std::chrono::seconds(10);
  std::chrono::milliseconds lock_timeout = std::chrono::seconds(30);
  std::function<void(const std::string&)> log =
      {};  // one sentence for a person, why something failed
};

class CommandProgrammer final : public mcu::Programmer {
 public:
  explicit CommandProgrammer(ProgrammerSettings settings) : settings_(std::move(settings)) {}

  bool has_mcu() const noexcept override { return true; }
  Status program(const mcu::ImageInfo& image, mcu::ImageSource& source) noexcept override;
  Result<mcu::VersionText> running_version() noexcept override;

  /// How long programming an image may take.
  std::chrono::milliseconds program_timeout(std::uint32_t size_bytes) const noexcept;

 private:
  Status run_program(const mcu::ImageInfo& image, mcu::ImageSource& source);
  Result<mcu::VersionText> run_version();
  Errc fail(Errc error, const std::string& why) const;

  ProgrammerSettings settings_;
};

}  // namespace ota::command
