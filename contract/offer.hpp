#pragma once

// What a deployment asks of a device: the desired property `extFwInfo`. Keys, types and rules:
// docs/formats/twin.md.

#include <cstdint>
#include <string_view>

#include "base/fixed_text.hpp"
#include "base/sha256.hpp"
#include "contract/limits.hpp"

namespace ota::contract {

/// Name of the desired and of the reported property.
inline constexpr std::string_view kProperty = "extFwInfo";

namespace offer_key {
inline constexpr std::string_view kVersion = "version";
inline constexpr std::string_view kSize = "size";
inline constexpr std::string_view kUrl = "url";
inline constexpr std::string_view kSas = "sas";
inline constexpr std::string_view kSha256 = "sha256";
inline constexpr std::string_view kProduct = "product";
inline constexpr std::string_view kMcuVersion = "mcuVersion";
inline constexpr std::string_view kAttempt = "attempt";
}  // namespace offer_key

/// What makes two offers the same work. A final failure is remembered for it.
struct Identity {
  std::uint32_t version = 0;
  Digest sha256{};
  std::uint32_t attempt = 0;

  friend constexpr bool operator==(const Identity&, const Identity&) noexcept = default;
};

/// A valid offer: every mandatory key was there with the right type and range.
struct Offer {
  std::uint32_t version = 0;  // 1 .. kVersionMax
  std::uint32_t size_bytes = 0;
  Digest sha256{};
  std::uint32_t attempt = 0;
  FixedText<kUrlBytesMax> url;                 // without query
  FixedText<kSasBytesMax> sas;                 // without '?'; may be empty for a public blob
  FixedText<kProductBytesMax> product;         // empty: the sender did not say (the public sample)
  FixedText<kMcuVersionBytesMax> mcu_version;  // what the MCU must report; default: decimal version

  constexpr Identity identity() const noexcept { return {version, sha256, attempt}; }
  friend constexpr bool operator==(const Offer&, const Offer&) noexcept = default;
};

}  // namespace ota::contract
