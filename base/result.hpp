#pragma once

// A value or the reason why there is none. Decision: docs/decisions/0001-own-result.md.

#include <cstdint>
#include <utility>
#include <variant>

#include "base/assert.hpp"

namespace ota {

/// Reasons for failure that a caller on the device acts on differently. Values are never
/// renumbered.
enum class Errc : std::uint8_t {
  Busy = 1,        // the part is working; ask again later
  Timeout = 2,     // no answer within the part's own limit
  Nack = 3,        // answered, and refused
  Misaligned = 4,  // the request crosses a boundary that it must not cross
  OutOfRange = 5,  // outside the part, the file or the protocol's limits
  Corrupt = 6,     // bytes came back that cannot be right
  NoSpace = 7,     // does not fit
  Rejected = 8,    // valid, but not allowed (older version, wrong product, ...)
  NotFound = 9,    // no such file, image or record
  Io = 10,         // the bus or the operating system failed
  Protected = 11,  // the flash refuses writes (status register protection)
  NoDevice = 12,   // nothing answers, or something else than expected
  Cancelled = 13,  // a newer order made this one pointless
};

/// One word for logs and messages.
constexpr const char* to_text(Errc error) noexcept {
  switch (error) {
    case Errc::Busy:
      return "busy";
    case Errc::Timeout:
      return "timeout";
    case Errc::Nack:
      return "refused by the device";
    case Errc::Misaligned:
      return "misaligned";
    case Errc::OutOfRange:
      return "out of range";
    case Errc::Corrupt:
      return "corrupt";
    case Errc::NoSpace:
      return "no space";
    case Errc::Rejected:
      return "rejected";
    case Errc::NotFound:
      return "not found";
    case Errc::Io:
      return "input/output error";
    case Errc::Protected:
      return "write-protected";
    case Errc::NoDevice:
      return "no device";
    case Errc::Cancelled:
      return "cancelled";
  }
  return "unknown";
}

template <class T, class E = Errc>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = E;

  constexpr Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  constexpr Result(E error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  constexpr explicit operator bool() const noexcept { return state_.index() == 0; }
  constexpr bool has_value() const noexcept { return state_.index() == 0; }

  /// Asking for the side that is not there is a bug of the caller and traps.
  constexpr T& value() & noexcept { return *checked<0>(state_); }
  constexpr const T& value() const& noexcept { return *checked<0>(state_); }
  constexpr T&& value() && noexcept { return std::move(*checked<0>(state_)); }
  constexpr E& error() noexcept { return *checked<1>(state_); }
  constexpr const E& error() const noexcept { return *checked<1>(state_); }

  constexpr T& operator*() & noexcept { return value(); }
  constexpr const T& operator*() const& noexcept { return value(); }
  constexpr T&& operator*() && noexcept { return std::move(*this).value(); }
  constexpr T* operator->() noexcept { return &value(); }
  constexpr const T* operator->() const noexcept { return &value(); }

  template <class U>
  constexpr T value_or(U&& fallback) const& {
    return has_value() ? value() : static_cast<T>(std::forward<U>(fallback));
  }

 private:
  template <std::size_t Side, class State>
  static constexpr auto* checked(State& state) noexcept {
    auto* side = std::get_if<Side>(&state);
    OTA_ASSERT(side != nullptr);
    return side;
  }

  std::variant<T, E> state_;
};

struct Ok {
  friend constexpr bool operator==(Ok, Ok) noexcept { return true; }
};

using Status = Result<Ok>;

}  // namespace ota

#define OTA_CONCAT_INNER(a, b) a##b
#define OTA_CONCAT(a, b) OTA_CONCAT_INNER(a, b)
#define OTA_TRY_STATUS(expression)                     \
  do {                                                 \
    if (auto ota_status = (expression); !ota_status) { \
      return std::move(ota_status.error());            \
    }                                                  \
  } while (false)
#define OTA_TRY_VALUE_NAMED(temporary, declaration, expression) \
  auto temporary = (expression);                                \
  if (!temporary) return std::move(temporary.error());          \
  declaration = std::move(temporary).value()
#define OTA_TRY_VALUE(declaration, expression) \
  OTA_TRY_VALUE_NAMED(OTA_CONCAT(ota_result_, __COUNTER__), declaration, expression)
#define OTA_TRY_SELECT(first, second, name, ...) name

/// Returns the error of an expression to the caller's caller, or goes on:
/// OTA_TRY(status_expression); or OTA_TRY(auto value, result_expression);
#define OTA_TRY(...) OTA_TRY_SELECT(__VA_ARGS__, OTA_TRY_VALUE, OTA_TRY_STATUS, unused)(__VA_ARGS__)
