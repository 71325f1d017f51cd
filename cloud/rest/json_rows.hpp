#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ota::rest {

/// The elements of a JSON array, each as text. Nothing if `json` is not an array.
std::optional<std::vector<std::string>> split_json_array(std::string_view json);

/// {"query":"..."}
std::string query_body(std::string_view query);

}  // namespace ota::rest
