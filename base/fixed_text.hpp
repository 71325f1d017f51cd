#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ota {

/// Text with room for at most `Capacity` bytes, kept in place: the device's core has no heap.
/// Compares as its text.
template <std::size_t Capacity>
class FixedText {
 public:
  static constexpr std::size_t capacity = Capacity;

  constexpr FixedText() noexcept = default;

  /// Keeps as much of `text` as fits; use assign() where losing the end matters.
  constexpr FixedText(std::string_view text) noexcept {  // NOLINT(google-explicit-constructor)
    assign_truncated(text);
  }
  constexpr FixedText(const char* text) noexcept : FixedText(std::string_view(text)) {}  // NOLINT

  /// Takes `text` over whole, or refuses and keeps the old content.
  [[nodiscard]] constexpr bool assign(std::string_view text) noexcept {
    if (text.size() > Capacity) return false;
    assign_truncated(text);
    return true;
  }

  constexpr void assign_truncated(std::string_view text) noexcept {
    size_ = static_cast<std::uint16_t>(std::min(text.size(), Capacity));
    std::copy_n(text.data(), size_, chars_.data());
  }

  /// Appends as much as fits.
  constexpr FixedText& append(std::string_view text) noexcept {
    const std::size_t count = std::min(text.size(), Capacity - size_);
    std::copy_n(text.data(), count, chars_.data() + size_);
    size_ = static_cast<std::uint16_t>(size_ + count);
    return *this;
  }

  /// Appends a number in decimal digits.
  constexpr FixedText& append_number(std::uint64_t number) noexcept {
    std::array<char, 20> digits{};
    std::size_t at = digits.size();
    do {
      digits[--at] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    return append({digits.data() + at, digits.size() - at});
  }

  constexpr void clear() noexcept { size_ = 0; }
  constexpr bool empty() const noexcept { return size_ == 0; }
  constexpr std::size_t size() const noexcept { return size_; }
  constexpr const char* data() const noexcept { return chars_.data(); }
  constexpr std::string_view view() const noexcept { return {chars_.data(), size_}; }
  constexpr operator std::string_view() const noexcept {
    return view();
  }  // NOLINT(google-explicit-constructor)

  friend constexpr bool operator==(const FixedText& a, const FixedText& b) noexcept {
    return a.view() == b.view();
  }
  friend constexpr bool operator==(const FixedText& a, std::string_view b) noexcept {
    return a.view() == b;
  }
  friend constexpr bool operator==(const FixedText& a, const char* b) noexcept {
    return a.view() == b;
  }

 private:
  static_assert(Capacity <= 0xFFFF);
  std::array<char, Capacity> chars_{};
  std::uint16_t size_ = 0;
};

}  // namespace ota
