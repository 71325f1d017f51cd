#pragma once

// A configuration of automatic device management, and its JSON form (IoT Hub service REST).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace ota::rest {

struct Configuration {
  std::string id = {};
  std::map<std::string, std::string> labels = {};
  std::map<std::string, std::string> device_content = {};  // "properties.desired.x" to JSON text
  std::string target_condition = {};
  std::uint32_t priority = 0;
  std::map<std::string, std::string> metric_queries = {};

  // What the hub adds; ignored when written.
  std::map<std::string, std::int64_t> metric_results = {};
  std::map<std::string, std::int64_t> system_results = {};  // targetedCount, appliedCount
  std::string created = {};                                 // ISO 8601
  std::string etag = {};
};

/// The body of a PUT.
std::string encode_configuration(const Configuration& configuration);

/// Reads what a hub answers; members of a wrong type count as absent. Nothing without an id.
std::optional<Configuration> parse_configuration(std::string_view json);

}  // namespace ota::rest
