#pragma once

// A store on a simulated part, as the tests of storage use it.

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.hpp"
#include "device/core/flash/w25q.hpp"
#include "device/core/store/store.hpp"
#include "sim/flash/sim_w25q.hpp"

namespace ota::test {

inline std::vector<std::byte> random_bytes(std::size_t size, std::uint64_t seed) {
  SplitMix64 random(seed);
  std::vector<std::byte> bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random.next() >> 56U);
  return bytes;
}

inline store::ImageIdentity identity_of(Bytes image, std::uint32_t version) {
  store::ImageIdentity identity;
  identity.version = version;
  identity.size_bytes = static_cast<std::uint32_t>(image.size());
  identity.sha256 = sha256(image);
  identity.mcu_version.append_number(version);
  identity.etag = "\"first\"";
  return identity;
}

struct StorageRig {
  explicit StorageRig(sim::FlashCells cells = {}, const sim::FlashOptions& options = {})
      : part(std::move(cells), options) {}

  sim::SimW25q part;
  flash::W25q driver{part};
  store::Store store{driver};

  store::MountOutcome mount() {
    const auto outcome = store.mount();
    EXPECT_TRUE(outcome) << to_text(outcome.error());
    return *outcome;
  }

  /// Appends image[from..] in pieces, as a network delivers them.
  Status append(Bytes image, std::size_t from, std::size_t piece_bytes) {
    for (std::size_t at = from; at < image.size(); at += piece_bytes) {
      OTA_TRY(store.append(image.subspan(at, std::min(piece_bytes, image.size() - at))));
    }
    return Ok{};
  }

  /// Stores a whole image as candidate, going on with what is there.
  Status store_image(Bytes image, std::uint32_t version) {
    OTA_TRY(const std::uint32_t from, store.open_candidate(identity_of(image, version)));
    OTA_TRY(append(image, from, 4096));
    return store.close_candidate();
  }

  void expect_no_violations() const {
    EXPECT_EQ(part.violations().total(), 0U) << part.violations().describe();
  }
};

}  // namespace ota::test
