#include "cloud/rest/configuration.hpp"

#include <nlohmann/json.hpp>

#include "contract/json/json_text.hpp"

namespace ota::rest {
namespace {

using Json = nlohmann::json;

const Json& member(const Json& object, const char* name) {
  static const Json kAbsent;
  if (!object.is_object()) return kAbsent;
  const auto it = object.find(name);
  return it == object.end() ? kAbsent : *it;
}

std::string text(const Json& object, const char* name) {
  const Json& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::map<std::string, std::string> texts(const Json& object) {
  std::map<std::string, std::string> out;
  if (!object.is_object()) return out;
  for (const auto& [name, value] : object.items()) {
    if (value.is_string()) out[name] = value.get<std::string>();
  }
  return out;
}

std::map<std::string, std::int64_t> counts(const Json& object) {
  std::map<std::string, std::int64_t> out;
  if (!object.is_object()) return out;
  for (const auto& [name, value] : object.items()) {
    if (value.is_number_integer()) out[name] = value.get<std::int64_t>();
  }
  return out;
}

}  // namespace

std::string encode_configuration(const Configuration& configuration) {
  Json content = Json::object();
  for (const auto& [path, json] : configuration.device_content) {
    content[path] = Json::parse(json, nullptr, false);
  }
  return Json{{"id", configuration.id},
              {"schemaVersion", "2.0"},
              {"labels", Json(configuration.labels)},
              {"content", {{"deviceContent", std::move(content)}}},
              {"targetCondition", configuration.target_condition},
              {"priority", configuration.priority},
              {"metrics", {{"queries", Json(configuration.metric_queries)}}}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Configuration> parse_configuration(std::string_view json) {
  const Json object = contract::read_json(json);
  Configuration out;
  out.id = text(object, "id");
  if (out.id.empty()) return std::nullopt;
  out.labels = texts(member(object, "labels"));
  if (const Json& content = member(member(object, "content"), "deviceContent");
      content.is_object()) {
    for (const auto& [path, value] : content.items()) out.device_content[path] = value.dump();
  }
  out.target_condition = text(object, "targetCondition");
  if (const Json& priority = member(object, "priority"); priority.is_number_unsigned()) {
    out.priority = priority.get<std::uint32_t>();
  }
  out.metric_queries = texts(member(member(object, "metrics"), "queries"));
  out.metric_results = counts(member(member(object, "metrics"), "results"));
  out.system_results = counts(member(member(object, "systemMetrics"), "results"));
  out.created = text(object, "createdTimeUtc");
  out.etag = text(object, "etag");
  return out;
}

}  // namespace ota::rest
