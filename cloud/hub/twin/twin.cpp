#include "cloud/hub/twin/twin.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/encoding.hpp"

namespace ota::hub::twin {

namespace {

using nlohmann::json;

/// A code point of a valid UTF-8 text is a control character: C0 is one byte, C1 is C2 80 .. C2 9F.
bool control_at(std::string_view text, std::size_t i) {
  const auto c = static_cast<unsigned char>(text[i]);
  if (c < 0x20 || c == 0x7F) return true;
  if (c != 0xC2 || i + 1 >= text.size()) return false;
  return static_cast<unsigned char>(text[i + 1]) < 0xA0;
}

std::size_t characters_without_controls(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool continuation = (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U;
    if (!continuation && !control_at(text, i)) ++count;
  }
  return count;
}

Outcome<Ok> check_key(const std::string& key) {
  if (key.empty()) return invalid("a property name is empty");
  if (key.size() > kKeyBytesMax) return invalid("a property name is longer than 1024 bytes");
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (control_at(key, i)) return invalid("a property name holds a control character");
    if (std::string_view(".$# ").find(key[i]) != std::string_view::npos) {
      return invalid("the property name '" + key +
                     "' holds one of the characters . $ # or a space");
    }
  }
  return Ok{};
}

Outcome<Ok> check_number(const json& value) {
  const bool outside =
      value.is_number_unsigned()
          ? value.get<std::uint64_t>() > static_cast<std::uint64_t>(kIntegerMax)
          : value.is_number_integer() && (value.get<std::int64_t>() < kIntegerMin ||
                                          value.get<std::int64_t>() > kIntegerMax);
  if (outside) return invalid("the integer " + value.dump() + " is outside -2^52 .. 2^52-1");
  return Ok{};
}

Outcome<Ok> check_value(const json& value, std::size_t depth, bool in_array) {
  if (value.is_null() && in_array) return invalid("an array holds null");
  if (value.is_number()) return check_number(value);
  if (value.is_string() && value.get_ref<const std::string&>().size() > kStringBytesMax) {
    return invalid("a string value is longer than 4096 bytes");
  }
  if (!value.is_structured()) return Ok{};
  if (depth > kDepthMax) return invalid("the properties are nested deeper than 10 levels");
  for (const auto& item : value.items()) {
    if (value.is_object()) OTA_TRY(check_key(item.key()));
    OTA_TRY(check_value(item.value(), depth + 1, in_array || value.is_array()));
  }
  return Ok{};
}

std::size_t size_of(const json& value) {
  if (value.is_string()) return characters_without_controls(value.get_ref<const std::string&>());
  if (value.is_number()) return 8;
  if (value.is_boolean()) return 4;
  std::size_t size = 0;
  for (const auto& item : value.items()) {
    size += (value.is_object() ? item.key().size() : 0) + size_of(item.value());
  }
  return size;
}

bool only_nulls(const json& value) {
  if (value.is_null()) return true;
  return value.is_object() && !value.empty() &&
         std::all_of(value.begin(), value.end(),
                     [](const json& member) { return only_nulls(member); });
}

void stamp_node(json& node, const Stamp& stamp) {
  if (!node.is_object()) node = json::object();
  json& time = node["$lastUpdated"];
  if (time.is_string()) {
    time.get_ref<std::string&>() = stamp.time;  // in place: this is done for each reported value
  } else {
    time = stamp.time;
  }
  if (stamp.version) node["$lastUpdatedVersion"] = *stamp.version;
}

/// Of a value: a node without nodes below it.
void stamp_leaf(json& node, const Stamp& stamp) {
  const std::size_t members = stamp.version ? 2 : 1;
  if (node.size() > members) node = json::object();
  stamp_node(node, stamp);
}

void merge_member(json& document, json& metadata, const std::string& key, const json& value,
                  const Stamp& stamp) {
  if (value.is_null()) {
    document.erase(key);
    metadata.erase(key);
    return;
  }
  const auto found = document.find(key);
  if (!value.is_object()) {
    document[key] = value;
    return stamp_leaf(metadata[key], stamp);
  }
  if (found == document.end() && only_nulls(value)) return;
  if (found == document.end() || !found->is_object()) {
    document[key] = json::object();
    metadata[key] = json::object();
  }
  merge(document[key], metadata[key], value, stamp);
}

/// The text of an object with one more member.
std::string with_member(std::string_view object, std::string_view name, std::string_view value) {
  OTA_ASSERT(object.size() >= 2 && object.back() == '}');
  std::string text(object.substr(0, object.size() - 1));
  if (object.size() > 2) text += ',';
  return text.append("\"").append(name).append("\":").append(value).append("}");
}

}  // namespace

void drop_service_members(json& section) {
  if (!section.is_object()) return;
  section.erase("$version");
  section.erase("$metadata");
}

Outcome<Ok> check_content(const json& section) {
  if (!section.is_object()) return invalid("the properties are not a JSON object");
  return check_value(section, 0, false);
}

Outcome<Ok> check_size(const json& document, Section section) {
  const std::size_t limit = section == Section::Tags ? 8 * 1024 : 32 * 1024;
  const std::size_t size = size_of(document);
  if (size <= limit) return Ok{};
  return invalid("the section would have " + std::to_string(size) + " bytes, the limit is " +
                 std::to_string(limit));
}

void merge(json& document, json& metadata, const json& patch, const Stamp& stamp) {
  stamp_node(metadata, stamp);
  for (const auto& item : patch.items()) {
    merge_member(document, metadata, item.key(), item.value(), stamp);
  }
}

json difference(const json& from, const json& to) {
  json patch = json::object();
  for (const auto& item : from.items()) {
    if (!to.contains(item.key())) patch[item.key()] = nullptr;
  }
  for (const auto& item : to.items()) {
    const auto old = from.find(item.key());
    if (old == from.end()) {
      patch[item.key()] = item.value();
    } else if (*old != item.value()) {
      const bool both = old->is_object() && item.value().is_object();
      patch[item.key()] = both ? difference(*old, item.value()) : item.value();
    }
  }
  return patch;
}

std::string with_version(std::string_view object, std::uint64_t version) {
  return with_member(object, "$version", std::to_string(version));
}

std::string with_metadata(std::string_view object, std::string_view metadata,
                          std::uint64_t version) {
  return with_version(with_member(object, "$metadata", metadata), version);
}

std::string device_view(Versioned desired, Versioned reported) {
  return "{\"desired\":" + with_version(desired.object, desired.version) +
         ",\"reported\":" + with_version(reported.object, reported.version) + "}";
}

std::string etag(std::uint64_t counter) {
  std::array<std::byte, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>((counter >> (8 * (7 - i))) & 0xFFU);
  }
  return to_base64(bytes);
}

std::string next_etag(std::string_view text) {
  std::uint64_t counter = 0;
  if (const auto bytes = from_base64(text)) {
    for (const std::byte byte : *bytes)
      counter = (counter << 8U) | std::to_integer<std::uint64_t>(byte);
  }
  return etag(counter + 1);
}

}  // namespace ota::hub::twin
