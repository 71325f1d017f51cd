#pragma once

// Bytes, and integers in them. Integers leave memory through these functions only, never by casting
// a struct.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ota {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

/// Views text as bytes, without a copy.
inline Bytes bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span(text)); }

/// Views bytes as text, without a copy or a check of the encoding.
inline std::string_view text_of(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

namespace detail {
template <class T>
constexpr T load_le(const std::byte* at) noexcept {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(
        value | static_cast<T>(static_cast<T>(std::to_integer<std::uint8_t>(at[i])) << (8 * i)));
  }
  return value;
}
template <class T>
constexpr void store_le(std::byte* at, T value) noexcept {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    at[i] = static_cast<std::byte>((value >> (8 * i)) & 0xFFU);
}
}  // namespace detail

constexpr std::uint16_t load_le16(const std::byte* at) noexcept {
  return detail::load_le<std::uint16_t>(at);
}
constexpr std::uint32_t load_le32(const std::byte* at) noexcept {
  return detail::load_le<std::uint32_t>(at);
}
constexpr std::uint64_t load_le64(const std::byte* at) noexcept {
  return detail::load_le<std::uint64_t>(at);
}
constexpr void store_le16(std::byte* at, std::uint16_t value) noexcept {
  detail::store_le(at, value);
}
constexpr void store_le32(std::byte* at, std::uint32_t value) noexcept {
  detail::store_le(at, value);
}
constexpr void store_le64(std::byte* at, std::uint64_t value) noexcept {
  detail::store_le(at, value);
}

constexpr std::uint16_t load_be16(const std::byte* at) noexcept {
  return static_cast<std::uint16_t>((std::to_integer<unsigned>(at[0]) << 8U) |
                                    std::to_integer<unsigned>(at[1]));
}
constexpr std::uint32_t load_be32(const std::byte* at) noexcept {
  return (static_cast<std::uint32_t>(load_be16(at)) << 16U) | load_be16(at + 2);
}
constexpr void store_be16(std::byte* at, std::uint16_t value) noexcept {
  at[0] = static_cast<std::byte>(value >> 8U);
  at[1] = static_cast<std::byte>(value & 0xFFU);
}
constexpr void store_be32(std::byte* at, std::uint32_t value) noexcept {
  store_be16(at, static_cast<std::uint16_t>(value >> 16U));
  store_be16(at + 2, static_cast<std::uint16_t>(value & 0xFFFFU));
}

}  // namespace ota
