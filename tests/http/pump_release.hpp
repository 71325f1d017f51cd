#pragma once

#include "base/sha256.hpp"
#include "cloud/rollout/release.hpp"

namespace ota::test {

/// A release of product pump for group lab; a test changes what it is about.
inline rollout::Release pump_release(std::uint32_t version, std::uint32_t revision = 1) {
  return {.product = "pump",
          .group = "lab",
          .version = version,
          .revision = revision,
          .mcu_version = "1.4",
          .file_name = "pump.bin",
          .size_bytes = 1000,
          .sha256 = sha256(bytes_of("pump")),
          .url = "https://host/firmware/pump.bin",
          .sas = "sp=r&se=2030-12-01T00%3A00%3A00Z"};
}

}  // namespace ota::test
