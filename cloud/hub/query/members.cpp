#include "cloud/hub/query/members.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "base/text.hpp"
#include "cloud/hub/query/tokens.hpp"
#include "cloud/hub/twin/json_text.hpp"

namespace ota::hub::query {

namespace {

using Names = std::span<const std::string>;

struct Column {
  std::string_view name;  // "capabilities.iotEdge" for two names
  std::string_view sql;
  Type type;
};
constexpr std::array kColumns = {
    Column{"deviceId", "d.device_id", Type::Text},
    Column{"generationId", "d.generation_id", Type::Text},
    Column{"etag", "d.etag", Type::Text},
    Column{"deviceEtag", "d.device_etag", Type::Text},
    Column{"version", "d.version", Type::Number},
    Column{"status", "d.status", Type::Text},
    Column{"statusReason", "d.status_reason", Type::Text},
    Column{"statusUpdateTime", "d.status_updated", Type::Text},
    Column{"connectionState", "d.connection_state", Type::Text},
    Column{"connectionStateUpdateTime", "d.connection_updated", Type::Text},
    Column{"lastActivityTime", "d.last_activity", Type::Text},
    Column{"cloudToDeviceMessageCount",
           "(SELECT COUNT(*) FROM message WHERE message.device_id = d.device_id)", Type::Number},
    Column{"authenticationType", "d.authentication_type", Type::Text},
    Column{"modelId", "d.model_id", Type::Text},
    Column{"moduleId", "NULL", Type::Text},
    Column{"deviceScope", "NULL", Type::Text},
    Column{"capabilities.iotEdge", "d.iot_edge", Type::Boolean},
    Column{"x509Thumbprint.primaryThumbprint", "d.primary_thumbprint", Type::Text},
    Column{"x509Thumbprint.secondaryThumbprint", "d.secondary_thumbprint", Type::Text},
};

/// When and with what a job's work on one device ended.
constexpr std::array kJobColumns = {
    Column{"deviceId", "j.device_id", Type::Text},
    Column{"jobId", "j.job_id", Type::Text},
    Column{"jobType", "b.type", Type::Text},
    Column{"status", "j.status", Type::Text},
    Column{"startTimeUtc", "j.started", Type::Text},
    Column{"endTimeUtc", "j.ended", Type::Text},
    Column{"createdDateTimeUtc", "j.created", Type::Text},
    Column{"lastUpdatedDateTimeUtc", "j.updated", Type::Text},
};

Member column_member(std::string_view sql, Type type, std::string name) {
  const std::string value(sql);
  const std::string quoted = type == Type::Boolean
                                 ? "CASE " + value + " WHEN 0 THEN 'false' ELSE 'true' END"
                                 : "json_quote(" + value + ")";
  return {.type = type,
          .value = value,
          .dynamic_type = {},
          .json = "CASE WHEN " + value + " IS NOT NULL THEN " + quoted + " END",
          .name = std::move(name)};
}

/// A whole JSON document, for example all tags.
Member document_member(std::string sql, std::string name) {
  return {.type = Type::Dynamic,
          .value = "NULL",
          .dynamic_type = "'object'",
          .json = std::move(sql),
          .name = std::move(name)};
}

/// One step of SQLite's JSON path. SQLite 3.40 compares names with the text between the quotes of
/// the stored JSON, escapes included, and cannot have a quote inside a quoted step.
Outcome<std::string> path_step(const std::string& name, std::size_t position) {
  const std::string dumped = json_to_text(name);
  const std::string escaped = dumped.substr(1, dumped.size() - 2);
  if (name.find('"') == std::string::npos) return ".\"" + escaped + "\"";
  if (name.find_first_of(".[") == std::string::npos) return "." + escaped;
  return failure_at(position, "a name with a double quote cannot hold '.' or '[' too");
}

Outcome<Member> json_member(std::string_view document, Names names, const Path& path,
                            Parameters& parameters) {
  std::string steps = "$";
  for (const std::string& name : names) {
    const auto place = static_cast<std::size_t>(&name - path.names.data());
    if (std::find(path.indexes.begin(), path.indexes.end(), place) != path.indexes.end()) {
      steps += "[" + name + "]";
      continue;
    }
    OTA_TRY(const auto step, path_step(name, path.position));
    steps += step;
  }
  const std::string parameter = parameters.add(std::move(steps));
  const std::string arguments = "(" + std::string(document) + ", " + parameter + ")";
  return Member{.type = Type::Dynamic,
                .value = "json_extract" + arguments,
                .dynamic_type = "json_type" + arguments,
                .json = "(" + std::string(document) + " -> " + parameter + ")",
                .name = names.back()};
}

/// desired or reported, with its version and metadata.
std::string whole_section(const std::string& section) {
  return "json_set(d." + section + ", '$.\"$metadata\"', json(d." + section +
         "_metadata), '$.\"$version\"', d." + section + "_version)";
}

Outcome<Member> properties_member(Names names, const Path& path, Parameters& parameters) {
  if (names.empty()) {
    return document_member("json_object('desired', json(" + whole_section("desired") +
                               "), 'reported', json(" + whole_section("reported") + "))",
                           "properties");
  }
  const bool desired = equal_ignoring_case(names.front(), "desired");
  if (!desired && !equal_ignoring_case(names.front(), "reported")) {
    return failure_at(path.position,
                      "'properties." + names.front() + "' is neither desired nor reported");
  }
  const std::string section = desired ? "desired" : "reported";
  const Names rest = names.subspan(1);
  if (rest.empty()) return document_member(whole_section(section), section);
  if (rest.front() == "$version" && rest.size() == 1) {
    return column_member("d." + section + "_version", Type::Number, "$version");
  }
  if (rest.front() != "$metadata") return json_member("d." + section, rest, path, parameters);
  const std::string metadata = "d." + section + "_metadata";
  if (rest.size() == 1) return document_member(metadata, "$metadata");
  return json_member(metadata, rest.subspan(1), path, parameters);
}

Outcome<Member> configurations_member(Names names, const Path& path, Parameters& parameters) {
  const std::string from = " FROM target AS t WHERE t.device_id = d.device_id";
  if (names.empty()) {
    return document_member(
        "(SELECT json_group_object(t.configuration_id, json_object('status', t.status))" + from +
            ")",
        "configurations");
  }
  const std::string one = from + " AND t.configuration_id = " + parameters.add(names.front()) + ")";
  if (names.size() == 1) {
    Member member = document_member("(SELECT json_object('status', t.status)" + one, names.front());
    return member;
  }
  if (names.size() == 2 && equal_ignoring_case(names[1], "status"))
    return column_member("(SELECT t.status" + one, Type::Text, "status");
  return failure_at(path.position, "a configuration has only a status");
}

std::optional<Member> built_in_member(const Path& path) {
  std::string joined;
  for (const std::string& name : path.names) joined += (joined.empty() ? "" : ".") + name;
  for (const Column& column : kColumns) {
    if (!equal_ignoring_case(column.name, joined)) continue;
    const auto dot = column.name.find('.');
    const std::string_view last =
        dot == std::string_view::npos ? column.name : column.name.substr(dot + 1);
    return column_member(column.sql, column.type, std::string(last));
  }
  return std::nullopt;
}

Outcome<Member> resolve_of_job(const Path& path, Parameters& parameters) {
  Names names = path.names;
  if (names.size() > 1 && equal_ignoring_case(names.front(), "jobs")) names = names.subspan(1);
  if (names.size() == 1) {
    for (const Column& column : kJobColumns) {
      if (equal_ignoring_case(column.name, names.front()))
        return column_member(column.sql, column.type, std::string(column.name));
    }
  }
  if (names.size() > 1 && equal_ignoring_case(names.front(), "outcome"))
    return json_member("j.outcome", names.subspan(1), path, parameters);
  if (names.size() > 1 && equal_ignoring_case(names.front(), "error"))
    return json_member("j.error", names.subspan(1), path, parameters);
  return failure_at(path.position,
                    "'" + names.front() +
                        "' is not a member of devices.jobs; there are deviceId, jobId, jobType,"
                        " status, startTimeUtc, endTimeUtc, createdDateTimeUtc,"
                        " lastUpdatedDateTimeUtc, outcome and error");
}

}  // namespace

std::vector<Member> members_of_job() {
  std::vector<Member> members;
  for (const Column& column : kJobColumns)
    members.push_back(column_member(column.sql, column.type, std::string(column.name)));
  members.push_back(document_member("j.outcome", "outcome"));
  members.push_back(document_member("j.error", "error"));
  return members;
}

Outcome<Member> resolve(const Path& path, Source source, Parameters& parameters) {
  if (source == Source::Jobs) return resolve_of_job(path, parameters);
  const Names rest = Names(path.names).subspan(1);
  const std::string& root = path.names.front();
  if (equal_ignoring_case(root, "tags")) {
    if (rest.empty()) return document_member("d.tags", "tags");
    return json_member("d.tags", rest, path, parameters);
  }
  if (equal_ignoring_case(root, "properties")) return properties_member(rest, path, parameters);
  if (equal_ignoring_case(root, "configurations"))
    return configurations_member(rest, path, parameters);
  if (auto member = built_in_member(path)) return std::move(*member);
  return failure_at(
      path.position,
      "'" + root +
          "' is not a member of a device; there are deviceId, tags, properties.desired,"
          " properties.reported, configurations, status, connectionState, lastActivityTime and "
          "others");
}

}  // namespace ota::hub::query
