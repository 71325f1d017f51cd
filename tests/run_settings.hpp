#pragma once

// What the environment says about a run of tests that try many cases.

#include <cstdint>
#include <cstdlib>

namespace ota::test {

inline std::uint64_t number_from_environment(const char* name, std::uint64_t fallback) {
  const char* const given = std::getenv(name);
  return given != nullptr ? std::strtoull(given, nullptr, 10) : fallback;
}

/// Decides everything that is drawn; a failure names it.
inline std::uint64_t seed_of_run() { return number_from_environment("OTA_TEST_SEED", 1); }

/// Only each n-th case is tried: a sanitizer makes each of them many times slower, and wants to see
/// every path once, not every case. The seed shifts which ones.
inline std::uint64_t sample_of_run() {
  const std::uint64_t sample = number_from_environment("OTA_TEST_SAMPLE", 1);
  return sample == 0 ? 1 : sample;
}

}  // namespace ota::test
