#include "cloud/rest/json_rows.hpp"

#include <nlohmann/json.hpp>

#include "contract/json/json_text.hpp"

namespace ota::rest {

using Json = nlohmann::json;

std::optional<std::vector<std::string>> split_json_array(std::string_view json) {
  const Json array = contract::read_json(json);
  if (!array.is_array()) return std::nullopt;
  std::vector<std::string> rows;
  rows.reserve(array.size());
  for (const Json& row : array) rows.push_back(row.dump());
  return rows;
}

std::string query_body(std::string_view query) {
  return Json{{"query", query}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace ota::rest
