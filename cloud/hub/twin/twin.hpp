#pragma once

// The rules of twin documents: what may stand in a section, how patches merge, versions, metadata
// and etags. Source: "Understand and use device twins in IoT Hub"; Azure/iotedge,
// ReportedPropertiesValidator.cs.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cloud/hub/state/failure.hpp"
#include "cloud/hub/twin/json_text.hpp"

namespace ota::hub::twin {

enum class Section : std::uint8_t { Tags, Desired, Reported };

inline constexpr std::size_t kDepthMax = 10;
inline constexpr std::size_t kKeyBytesMax = 1024;
inline constexpr std::size_t kStringBytesMax = 4096;
inline constexpr std::int64_t kIntegerMax = (std::int64_t{1} << 52) - 1;
inline constexpr std::int64_t kIntegerMin = -(std::int64_t{1} << 52);

/// What is read of one patch before its rules are checked: escapes and white space make a legal
/// text larger than its value.
inline constexpr JsonLimits kPatchLimits{.bytes_max = 256 * 1024, .depth_max = 16};

/// Removes "$version" and "$metadata" from the top level: clients may send back what they were
/// given.
void drop_service_members(nlohmann::json& section);

/// Checks a patch or a whole section: an object, keys, depth, values, no null inside arrays.
/// Errors: ArgumentInvalid.
Outcome<Ok> check_content(const nlohmann::json& section);

/// Checks what a merge produced: tags 8 KiB, desired and reported 32 KiB. Errors: ArgumentInvalid.
Outcome<Ok> check_size(const nlohmann::json& document, Section section);

/// When a change happened; `version` is stamped on desired properties only.
struct Stamp {
  std::string time;
  std::optional<std::uint64_t> version;
};

/// Merges a patch as RFC 7386 does: objects merge, null removes, anything else replaces. An object
/// of nothing but nulls creates nothing. `metadata` mirrors the document; every node on the way to
/// a change is stamped.
void merge(nlohmann::json& document, nlohmann::json& metadata, const nlohmann::json& patch,
           const Stamp& stamp);

/// The patch that leads from one document to the other, with explicit nulls.
nlohmann::json difference(const nlohmann::json& from, const nlohmann::json& to);

/// The text of an object with "$version" as its last member.
std::string with_version(std::string_view object, std::uint64_t version);

/// The same with "$metadata" before it: a section as services see it.
std::string with_metadata(std::string_view object, std::string_view metadata,
                          std::uint64_t version);

/// What the device sees: desired and reported with their versions, neither tags nor metadata.
struct Versioned {
  std::string_view object;
  std::uint64_t version = 1;
};
std::string device_view(Versioned desired, Versioned reported);

/// A twin's etag is base64 of a counter of 8 bytes, big-endian.
std::string etag(std::uint64_t counter);
std::string next_etag(std::string_view etag);

}  // namespace ota::hub::twin
