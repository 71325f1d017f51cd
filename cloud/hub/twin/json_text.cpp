#include "cloud/hub/twin/json_text.hpp"

#include <nlohmann/json.hpp>

#include "contract/json/json_text.hpp"

namespace ota::hub {

Outcome<nlohmann::json> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.bytes_max) {
    return Failure{code::kMessageTooLarge, "the body has " + std::to_string(text.size()) +
                                               " bytes, the limit is " +
                                               std::to_string(limits.bytes_max)};
  }
  if (contract::json_depth(text) > limits.depth_max) {
    return Failure{code::kArgumentInvalid, "the JSON is nested deeper than " +
                                               std::to_string(limits.depth_max) + " levels"};
  }
  auto value = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return Failure{code::kFormatError, "the body is not JSON"};
  return value;
}

Outcome<nlohmann::json> parse_json_object(std::string_view text, JsonLimits limits) {
  OTA_TRY(auto value, parse_json(text, limits));
  if (!value.is_object()) return Failure{code::kArgumentInvalid, "the body is not a JSON object"};
  return value;
}

nlohmann::json stored_json(std::string_view text) {
  auto value = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_object() ? value : nlohmann::json::object();
}

std::string json_to_text(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace ota::hub
