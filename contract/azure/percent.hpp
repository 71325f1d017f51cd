#pragma once

// Percent encoding (RFC 3986) and the `k=v&k=v` bags of Azure's topics, user names and tokens.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ota::contract {

/// Encodes everything but A-Z a-z 0-9 - _ . ~ with upper-case digits.
std::string percent_encode(std::string_view text);

/// Decodes once; '+' stays '+'. Nothing if a '%' is not followed by two hex digits.
std::optional<std::string> percent_decode(std::string_view text);

/// The fields of a bag as they stand (not decoded), split at '&' and then at the first '='. A key
/// without '=' has an empty value.
using BagFields = std::vector<std::pair<std::string_view, std::string_view>>;
BagFields split_bag(std::string_view bag);

/// The raw value of the first field with this key.
std::optional<std::string_view> bag_value(const BagFields& fields, std::string_view key);

}  // namespace ota::contract
