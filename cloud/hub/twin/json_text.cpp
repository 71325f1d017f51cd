#include "cloud/hub/twin/json_text.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "contract/json/json_text.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

/// Whether a text stands between quotes as it is.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
  });
}

void append_string(std::string& out, const std::string& text) {
  if (!is_plain(text)) {
    out += json(text).dump(-1, ' ', false, json::error_handler_t::replace);
    return;
  }
  out.append(1, '"').append(text).append(1, '"');
}

/// The library's writer looks at each byte as part of a code point and begins with several
/// allocations. What is not plain text or structure is left to it.
void append(std::string& out, const json& value) {
  if (value.is_string()) return append_string(out, value.get_ref<const std::string&>());
  if (!value.is_structured()) {
    out += value.is_number_unsigned() ? std::to_string(value.get<std::uint64_t>()) : value.dump();
    return;
  }
  out += value.is_object() ? '{' : '[';
  bool first = true;
  for (auto member = value.begin(); member != value.end(); ++member) {
    if (!std::exchange(first, false)) out += ',';
    if (value.is_object()) {
      append_string(out, member.key());
      out += ':';
    }
    append(out, *member);
  }
  out += value.is_object() ? '}' : ']';
}

}  // namespace

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
  constexpr std::size_t kUsualBytes = 256;
  std::string text;
  text.reserve(kUsualBytes);
  append(text, value);
  return text;
}

ObjectText& ObjectText::text(std::string_view name, const std::string& value) {
  std::string quoted;
  append_string(quoted, value);
  return json(name, quoted);
}

ObjectText& ObjectText::text_or_null(std::string_view name,
                                     const std::optional<std::string>& value) {
  return value ? text(name, *value) : json(name, "null");
}

ObjectText& ObjectText::number(std::string_view name, std::int64_t value) {
  return json(name, std::to_string(value));
}

ObjectText& ObjectText::json(std::string_view name, std::string_view value) {
  if (out_.size() > 1) out_ += ',';
  out_ += '"';
  out_ += name;
  out_ += "\":";
  out_ += value;
  return *this;
}

}  // namespace ota::hub
