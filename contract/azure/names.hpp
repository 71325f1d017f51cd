#pragma once

// Names that deployments give to blobs and configurations, and rules for what people may call
// things.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/sha256.hpp"

namespace ota::contract {

/// "{product}/{version}/{first 16 digits of sha256}-{base name}".
std::string blob_name(std::string_view product, std::uint32_t version, const Digest& sha256,
                      std::string_view base_name);

/// What a URL of our form says. `sha256_prefix` has 16 lower-case digits.
struct BlobUrlParts {
  std::uint32_t version = 0;
  std::string sha256_prefix;
};

/// Reads version and hash from a URL whose path ends in our form; nothing for any other URL.
std::optional<BlobUrlParts> parse_blob_url(std::string_view url);

/// "ota-{product}-{group}-v{version}-r{revision}-{8 digits of sha256 over product and group}":
/// lower case, at most 128 characters; characters that a configuration id must not hold become '-',
/// the hash keeps such names apart.
std::string configuration_id(std::string_view product, std::string_view group,
                             std::uint32_t version, std::uint32_t revision);

/// The prefix that all configurations of one product and group share, up to and including "-v".
bool configuration_belongs_to(std::string_view id, std::string_view product,
                              std::string_view group);

/// A text as a quoted literal of the IoT Hub query language: quotes and backslashes escaped.
std::string query_literal(std::string_view text);

/// "tags.productType='P' AND tags.deviceGroup='G'", values quoted safely.
std::string target_condition(std::string_view product, std::string_view group);

/// Products and groups: 1 .. 64 bytes, no control characters. Errors are sentences for people.
Result<Ok, std::string> check_product(std::string_view product);
Result<Ok, std::string> check_group(std::string_view group);

}  // namespace ota::contract
