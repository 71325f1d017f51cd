#pragma once

// Reading JSON that strangers sent: size and depth are known before a parser sees the text, and
// nothing throws.

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

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

}  // namespace ota::hub
