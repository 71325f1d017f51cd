#include "cloud/hub/core/configurations.hpp"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "cloud/hub/query/run.hpp"
#include "cloud/hub/twin/json_text.hpp"
#include "cloud/hub/twin/managed.hpp"

namespace ota::hub {

using nlohmann::json;

struct Configurations::Stored {
  std::string id;
  std::int64_t etag = 1;
  std::string schema_version;
  std::string labels;
  std::string content;
  std::string target_condition;
  std::int64_t priority = 0;
  std::string metric_queries;
  std::string created;
  std::string updated;
  std::string results;  // as of the last cycle

  std::string etag_text() const { return to_base64(bytes_of(std::to_string(etag))); }
};

/// What a body asks for, checked.
struct Configurations::Wanted {
  std::string schema_version = "1.0";
  json labels = json::object();
  json content = json::object();
  json tree = json::object();
  std::string target_condition;
  std::int64_t priority = 0;
  json metric_queries = json::object();
};

namespace {

constexpr std::string_view kColumns =
    "configuration_id, etag, schema_version, labels, content, target_condition, priority, "
    "metric_queries, created, updated, results";

Outcome<Ok> check_id(const std::string& id) {
  constexpr std::string_view kForbidden = "&^[]{}\\|\"<>/";
  const bool valid =
      !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [&](unsigned char c) {
        return c > 0x20 && c < 0x7F && std::isupper(c) == 0 &&
               kForbidden.find(static_cast<char>(c)) == std::string_view::npos;
      });
  if (valid) return Ok{};
  return invalid(
      "'" + id +
      "' cannot be a configuration's id: 1 to 128 characters, lower case, no spaces and none of"
      " & ^ [ ] { } \\ | \" < > /");
}

/// The members of a map of texts. Errors: another shape.
Outcome<json> text_map(const json& body, const char* name, std::size_t length_max) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) return json::object();
  if (!found->is_object()) return invalid(std::string("'") + name + "' is not an object");
  for (const auto& item : found->items()) {
    if (!item.value().is_string())
      return invalid(std::string("'") + name + "." + item.key() + "' is not a string");
    if (item.key().size() > 128 || item.value().get_ref<const std::string&>().size() > length_max) {
      return invalid(std::string("'") + name + "." + item.key() + "' is too long");
    }
  }
  return *found;
}

Outcome<std::string> text(const json& body, const char* name, const char* fallback) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) return std::string(fallback);
  if (!found->is_string()) return invalid(std::string("'") + name + "' is not a string");
  return found->get<std::string>();
}

/// "content" without members that are null, so that stored and sent contents compare.
Outcome<json> content_of(const json& body) {
  const auto found = body.find("content");
  if (found == body.end() || !found->is_object()) return invalid("'content' is missing");
  json content = json::object();
  for (const auto& item : found->items()) {
    if (item.value().is_null() ||
        (item.value().is_object() && item.value().empty() && item.key() != "deviceContent"))
      continue;
    if (item.key() != "deviceContent")
      return invalid("'content." + item.key() + "' is not possible: this hub has no modules");
    content[item.key()] = item.value();
  }
  if (!content.contains("deviceContent")) return invalid("'content.deviceContent' is missing");
  return content;
}

}  // namespace

Outcome<Configurations::Wanted> Configurations::read_body(const std::string& id, const json& body) {
  Wanted wanted;
  OTA_TRY(const std::string body_id, text(body, "id", id.c_str()));
  if (body_id != id) return invalid("id in the body and in the path differ");
  OTA_TRY(wanted.schema_version, text(body, "schemaVersion", "1.0"));
  OTA_TRY(wanted.labels, text_map(body, "labels", 128));
  OTA_TRY(wanted.content, content_of(body));
  OTA_TRY(wanted.tree, twin::content_tree(wanted.content["deviceContent"]));
  OTA_TRY(wanted.target_condition, text(body, "targetCondition", ""));
  OTA_TRY(check_target_condition(wanted.target_condition));
  const auto priority = body.find("priority");
  if (priority != body.end() && !priority->is_null()) {
    if (!priority->is_number_unsigned() || *priority > std::int64_t{0x7FFFFFFF}) {
      return invalid("'priority' is not a whole number of 0 .. 2147483647");
    }
    wanted.priority = priority->get<std::int64_t>();
  }
  const auto metrics = body.find("metrics");
  if (metrics != body.end() && metrics->is_object()) {
    OTA_TRY(wanted.metric_queries, text_map(*metrics, "queries", 8192));
  }
  if (wanted.metric_queries.size() > kMetricQueriesMax)
    return invalid("a configuration has at most 5 metrics");
  for (const auto& item : wanted.metric_queries.items()) {
    const auto problem = query::problem_of(item.value().get<std::string>());
    if (problem) return invalid("metric '" + item.key() + "': " + *problem);
  }
  return wanted;
}

Configurations::Stored Configurations::read_row(const Statement& row) {
  return {.id = row.text(0),
          .etag = row.integer(1),
          .schema_version = row.text(2),
          .labels = row.text(3),
          .content = row.text(4),
          .target_condition = row.text(5),
          .priority = row.integer(6),
          .metric_queries = row.text(7),
          .created = row.text(8),
          .updated = row.text(9),
          .results = row.text(10)};
}

Outcome<std::optional<Configurations::Stored>> Configurations::find(std::string_view id) const {
  OTA_TRY(auto row, database_.query("SELECT " + std::string(kColumns) +
                                        " FROM configuration WHERE configuration_id = ?1",
                                    {id}));
  OTA_TRY(const bool found, row.step());
  if (!found) return std::optional<Stored>{};
  return std::optional<Stored>{read_row(row)};
}

Outcome<json> Configurations::show(std::string_view id) {
  OTA_TRY(const auto stored, find(id));
  if (!stored) return Failure{code::kNotFound, "there is no configuration " + std::string(id)};
  return to_json(*stored);
}

Outcome<std::vector<Configurations::Stored>> Configurations::all() const {
  std::vector<Stored> list;
  OTA_TRY(auto row, database_.query("SELECT " + std::string(kColumns) +
                                    " FROM configuration ORDER BY sequence"));
  for (;;) {
    OTA_TRY(const bool more, row.step());
    if (!more) return list;
    list.push_back(read_row(row));
  }
}

Outcome<json> Configurations::list() {
  OTA_TRY(const auto list, all());
  json array = json::array();
  for (const Stored& stored : list) {
    OTA_TRY(auto object, to_json(stored));
    array.push_back(std::move(object));
  }
  return array;
}

Outcome<Ok> Configurations::put(const std::string& id, const json& body,
                                std::optional<std::string_view> if_match, Notices& notices) {
  OTA_TRY(check_id(id));
  OTA_TRY(const Wanted wanted, read_body(id, body));
  OTA_TRY(const auto stored, find(id));
  if (!if_match) {
    if (stored) return Failure{code::kAlreadyExists, "there is a configuration " + id + " already"};
    return create(id, wanted, notices);
  }
  if (!stored) return Failure{code::kNotFound, "there is no configuration " + id};
  if (!matches(if_match, stored->etag_text())) {
    return Failure{code::kPreconditionFailed,
                   "the configuration has changed: its etag is " + stored->etag_text()};
  }
  return update(*stored, wanted, notices);
}

Outcome<Ok> Configurations::create(const std::string& id, const Wanted& wanted, Notices& notices) {
  OTA_TRY(const auto count, database_.find_integer("SELECT COUNT(*) FROM configuration"));
  const std::int64_t count_max = quotas_of(settings_.tier).configurations_max;
  if (count.value_or(0) >= count_max) {
    return Failure{code::kQuotaExceeded, "the hub holds " + std::to_string(count_max) +
                                             " configurations, the most that it can; delete some"};
  }
  const std::string now = contract::to_iso8601(settings_.now());
  OTA_TRY(database_.execute(
      "INSERT INTO configuration (configuration_id, etag, schema_version, labels, content, tree,"
      " target_condition, priority, metric_queries, created, updated)"
      " VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)",
      {id, wanted.schema_version, json_to_text(wanted.labels), json_to_text(wanted.content),
       json_to_text(wanted.tree), wanted.target_condition, wanted.priority,
       json_to_text(wanted.metric_queries), now}));
  OTA_TRY(management_.configuration_changed(id, Management::ConfigurationChange::Targets, notices));
  return count_metrics(id);
}

Outcome<Ok> Configurations::update(const Stored& stored, const Wanted& wanted, Notices& notices) {
  if (wanted.content != stored_json(stored.content)) {
    return invalid(
        "the content of a configuration cannot be changed; create another one with a higher "
        "priority");
  }
  OTA_TRY(database_.execute(
      "UPDATE configuration SET etag = etag + 1, schema_version = ?2, labels = ?3, "
      "target_condition = ?4,"
      " priority = ?5, metric_queries = ?6, updated = ?7 WHERE configuration_id = ?1",
      {stored.id, wanted.schema_version, json_to_text(wanted.labels), wanted.target_condition,
       wanted.priority, json_to_text(wanted.metric_queries),
       contract::to_iso8601(settings_.now())}));
  if (wanted.priority != stored.priority) {
    OTA_TRY(management_.configuration_changed(stored.id, Management::ConfigurationChange::Priority,
                                              notices));
  } else if (wanted.target_condition != stored.target_condition) {
    OTA_TRY(management_.configuration_changed(stored.id, Management::ConfigurationChange::Targets,
                                              notices));
  }
  return count_metrics(stored.id);
}

Outcome<Ok> Configurations::remove(const std::string& id, std::optional<std::string_view> if_match,
                                   Notices& notices) {
  OTA_TRY(const auto stored, find(id));
  if (!stored) return Failure{code::kNotFound, "there is no configuration " + id};
  if (!matches(if_match, stored->etag_text())) {
    return Failure{code::kPreconditionFailed,
                   "the configuration has changed: its etag is " + stored->etag_text()};
  }
  OTA_TRY(management_.configuration_removed(id, notices));
  OTA_TRY(database_.execute("DELETE FROM configuration WHERE configuration_id = ?1", {id}));
  return Ok{};
}

Outcome<std::int64_t> Configurations::metric(const std::string& query_text) {
  Metric& known = metrics_[query_text];
  const std::int64_t now = database_.change_count();
  if (known.as_of == now) return known.value;
  OTA_TRY(known.value, query::count_rows(database_, query_text));
  known.as_of = now;
  return known.value;
}

Outcome<Ok> Configurations::count_metrics() {
  if (settings_.evaluate_every_s == 0) return Ok{};
  OTA_TRY(const auto list, all());
  for (const Stored& stored : list) OTA_TRY(keep_results(stored));
  return Ok{};
}

Outcome<Ok> Configurations::count_metrics(const std::string& id) {
  if (settings_.evaluate_every_s == 0) return Ok{};
  OTA_TRY(const auto stored, find(id));
  if (!stored) return Ok{};
  return keep_results(*stored);
}

Outcome<Ok> Configurations::keep_results(const Stored& stored) {
  OTA_TRY(const json results, results_of(stored));
  OTA_TRY(database_.execute("UPDATE configuration SET results = ?2 WHERE configuration_id = ?1",
                            {stored.id, json_to_text(results)}));
  return Ok{};
}

Outcome<json> Configurations::results_of(const Stored& stored) {
  OTA_TRY(auto row,
          database_.query("SELECT COUNT(*), COALESCE(SUM(status = 'Applied'), 0) FROM target"
                          " WHERE configuration_id = ?1",
                          {stored.id}));
  OTA_TRY(row.step());
  json custom = json::object();
  const json queries = stored_json(stored.metric_queries);
  for (const auto& item : queries.items()) {
    OTA_TRY(const std::int64_t value, metric(item.value().get<std::string>()));
    custom[item.key()] = value;
  }
  return json{{"system", {{"targetedCount", row.integer(0)}, {"appliedCount", row.integer(1)}}},
              {"custom", std::move(custom)}};
}

Outcome<json> Configurations::to_json(const Stored& stored) {
  json results = stored_json(stored.results);
  if (settings_.evaluate_every_s == 0) {
    OTA_TRY(results, results_of(stored));
  }
  const json queries = stored_json(stored.metric_queries);
  const std::string& condition = stored.target_condition;
  const std::string all = "select deviceId from devices";
  const std::string targeted = condition.empty()  ? ""
                               : condition == "*" ? all
                                                  : all + " where " + condition;
  json content = stored_json(stored.content);
  content["moduleContent"] = nullptr;
  content["modulesContent"] = nullptr;
  return json{
      {"id", stored.id},
      {"schemaVersion", stored.schema_version},
      {"labels", stored_json(stored.labels)},
      {"content", content},
      {"targetCondition", condition},
      {"createdTimeUtc", stored.created},
      {"lastUpdatedTimeUtc", stored.updated},
      {"priority", stored.priority},
      {"systemMetrics",
       {{"results", results.value("system", json::object())},
        {"queries",
         {{"targetedCount", targeted},
          {"appliedCount",
           all + " where configurations.[[" + stored.id + "]].status = 'Applied'"}}}}},
      {"metrics", {{"results", results.value("custom", json::object())}, {"queries", queries}}},
      {"etag", stored.etag_text()},
  };
}

json test_queries(const json& body) {
  json errors = json::object();
  const auto queries = body.find("customMetricQueries");
  if (queries != body.end() && queries->is_object()) {
    for (const auto& item : queries->items()) {
      const auto problem = item.value().is_string()
                               ? query::problem_of(item.value().get<std::string>())
                               : std::optional<std::string>("the query is not a string");
      if (problem) errors[item.key()] = *problem;
    }
  }
  json condition_error = nullptr;
  const auto condition = body.find("targetCondition");
  if (condition != body.end() && condition->is_string()) {
    const auto checked = check_target_condition(condition->get<std::string>());
    if (!checked) condition_error = checked.error().message;
  }
  return {{"targetConditionError", condition_error}, {"customMetricQueryErrors", errors}};
}

}  // namespace ota::hub
