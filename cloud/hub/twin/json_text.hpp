#pragma once

// Reading JSON that strangers sent: size and depth are known before a parser sees the text, and
// nothing throws. Writing JSON.

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cloud/hub/state/failure.hpp"

namespace ota::hub {

struct JsonLimits {
  std::size_t bytes_max = 0;
  std::size_t depth_max = 0;  // nested objects and arrays
};

/// Errors: MessageTooLarge, ArgumentInvalid (too deep), FormatError (not JSON).
Outcome<nlohmann::json> parse_json(std::string_view text, JsonLimits limits);

/// The same for a text that must be an object. Errors: also ArgumentInvalid (not an object).
Outcome<nlohmann::json> parse_json_object(std::string_view text, JsonLimits limits);

/// Reads what the hub itself stored; a damaged text reads as an empty object.
nlohmann::json stored_json(std::string_view text);

/// The text of a value; invalid UTF-8 from a stranger's name is replaced.
std::string json_to_text(const nlohmann::json& value);

/// Writes one JSON object member by member, in the order in which they come, without a tree in
/// between. Names are literals that need no escapes.
class ObjectText {
 public:
  ObjectText& text(std::string_view name, const std::string& value);
  ObjectText& text_or_null(std::string_view name, const std::optional<std::string>& value);
  ObjectText& number(std::string_view name, std::int64_t value);
  /// A value that is JSON already.
  ObjectText& json(std::string_view name, std::string_view value);
  std::string finish() { return std::move(out_) + "}"; }

 private:
  std::string out_ = "{";
};

}  // namespace ota::hub
