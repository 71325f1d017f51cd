#include "cloud/hub/core/management.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "cloud/hub/query/syntax.hpp"
#include "cloud/hub/twin/managed.hpp"
#include "cloud/hub/twin/twin.hpp"

namespace ota::hub {

using nlohmann::json;

/// A configuration, ready for evaluation.
struct Management::Rule {
  std::string id;
  query::ExpressionPtr condition;  // null: see everything
  bool everything = false;         // "*"
  query::Reads reads;
  json tree;

  bool looks_at(const DeviceChange& change) const {
    return change.created || (change.tags && reads.tags) || (change.desired && reads.desired) ||
           (change.reported && reads.reported);
  }
  Outcome<std::string> sql(query::Parameters& parameters) const {
    if (condition == nullptr) return std::string(everything ? "1" : "0");
    return query::compile_condition(*condition, parameters);
  }
};

/// What one set of configurations wants; the same for all devices that belong to exactly this set.
struct Management::Plan {
  json wanted = json::object();
  std::string wanted_text;
  std::vector<std::pair<std::string, bool>> owners;  // configuration, and whether a path is its own
};

namespace {

constexpr char kSeparator = '\n';  // never part of a configuration's id

std::set<std::string> split(const std::string& text) {
  std::set<std::string> parts;
  std::size_t start = 0;
  while (start < text.size()) {
    const std::size_t end = std::min(text.find(kSeparator, start), text.size());
    parts.insert(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

/// The configurations that a device belongs to now.
Outcome<std::set<std::string>> targeting(const Database& database, const std::string& device_id) {
  OTA_TRY(auto row,
          database.query("SELECT configuration_id FROM target WHERE device_id = ?1", {device_id}));
  std::set<std::string> ids;
  for (;;) {
    OTA_TRY(const bool more, row.step());
    if (!more) return ids;
    ids.insert(row.text(0));
  }
}

constexpr std::string_view kScratchTables =
    "CREATE TEMP TABLE IF NOT EXISTS matched (device_id TEXT PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TEMP TABLE IF NOT EXISTS affected (device_id TEXT PRIMARY KEY) WITHOUT ROWID;"
    "DELETE FROM matched; DELETE FROM affected";

}  // namespace

Outcome<Ok> check_target_condition(std::string_view condition) {
  if (condition.empty() || condition == "*") return Ok{};
  OTA_TRY(const auto expression, query::parse_condition(condition));
  query::Parameters parameters;
  OTA_TRY(query::compile_condition(*expression, parameters));
  const query::Reads reads = query::reads_of(*expression);
  if (reads.other.empty()) return Ok{};
  return Failure{code::kArgumentInvalid,
                 "a target condition may use deviceId, tags and properties, not " + reads.other};
}

Management::Management(const Database& database, Twins& twins, const Settings& settings)
    : database_(database), twins_(twins), settings_(settings) {}
Management::~Management() = default;

void Management::forget_rules() {
  rules_.clear();
  loaded_ = false;
}

Outcome<Ok> Management::load_rules() {
  if (loaded_) return Ok{};
  rules_.clear();
  OTA_TRY(auto row,
          database_.query("SELECT configuration_id, target_condition, tree FROM configuration"
                          " ORDER BY priority DESC, sequence DESC"));
  for (;;) {
    OTA_TRY(const bool more, row.step());
    if (!more) break;
    auto rule = std::make_unique<Rule>();
    rule->id = row.text(0);
    const std::string condition = row.text(1);
    rule->everything = condition == "*";
    if (!condition.empty() && !rule->everything) {
      OTA_TRY(rule->condition, query::parse_condition(condition));
      rule->reads = query::reads_of(*rule->condition);
    }
    rule->tree = stored_json(row.text(2));
    rules_.push_back(std::move(rule));
  }
  loaded_ = true;
  return Ok{};
}

Outcome<std::vector<const Management::Rule*>> Management::matching(
    const std::string& device_id, const std::vector<const Rule*>& rules) const {
  // SQLite takes 32766 parameters; the longest condition has fewer than 3000.
  constexpr std::size_t kRulesAtOnce = 10;
  std::vector<const Rule*> found;
  for (std::size_t start = 0; start < rules.size(); start += kRulesAtOnce) {
    const std::size_t end = std::min(rules.size(), start + kRulesAtOnce);
    query::Parameters parameters;
    const std::string device = parameters.add(device_id);
    std::string columns;
    for (std::size_t i = start; i < end; ++i) {
      OTA_TRY(const std::string condition, rules[i]->sql(parameters));
      columns += (columns.empty() ? "" : ", ") + condition;
    }
    OTA_TRY(auto row,
            database_.query("SELECT " + columns + " FROM device AS d WHERE d.device_id = " + device,
                            parameters.values()));
    OTA_TRY(const bool exists, row.step());
    for (std::size_t i = start; exists && i < end; ++i) {
      if (row.integer(static_cast<int>(i - start)) != 0) found.push_back(rules[i]);
    }
  }
  return found;
}

Outcome<Ok> Management::device_changed(const std::string& device_id, DeviceChange change,
                                       Notices& notices) {
  if (change.created) notices.created(device_id);
  if (settings_.evaluate_every_s != 0) {
    OTA_TRY(database_.execute("INSERT OR IGNORE INTO unevaluated VALUES (?1)", {device_id}));
    return Ok{};
  }
  OTA_TRY(load_rules());
  std::vector<const Rule*> candidates;
  for (const auto& rule : rules_) {
    if (rule->looks_at(change)) candidates.push_back(rule.get());
  }
  if (candidates.empty() && !change.desired) return Ok{};
  OTA_TRY(const auto now, matching(device_id, candidates));
  OTA_TRY(auto targets, targeting(database_, device_id));
  bool moved = false;
  for (const Rule* rule : candidates) {
    const bool matches = std::find(now.begin(), now.end(), rule) != now.end();
    if (matches == targets.contains(rule->id)) continue;
    moved = true;
    if (matches) {
      targets.insert(rule->id);
    } else {
      targets.erase(rule->id);
    }
    OTA_TRY(database_.execute(
        matches ? "INSERT INTO target VALUES (?1, ?2, 'Targeted')"
                : "DELETE FROM target WHERE configuration_id = ?1 AND device_id = ?2",
        {rule->id, device_id}));
  }
  // A desired property that somebody wrote by hand may be a managed one, which is put back.
  if (!moved && (!change.desired || targets.empty())) return Ok{};
  return resolve(device_id, plan_for(targets), notices);
}

Outcome<Ok> Management::evaluate_waiting(Notices& notices) {
  OTA_TRY(load_rules());
  for (const auto& rule : rules_) {
    query::Parameters parameters;
    OTA_TRY(const std::string condition, rule->sql(parameters));
    OTA_TRY(database_.run_script(kScratchTables));
    OTA_TRY(database_.execute(
        "INSERT INTO matched SELECT d.device_id FROM unevaluated AS u JOIN device AS d"
        " ON d.device_id = u.device_id WHERE " +
            condition,
        parameters.values()));
    OTA_TRY(database_.execute(
        "DELETE FROM target WHERE configuration_id = ?1 AND device_id IN (SELECT device_id FROM"
        " unevaluated) AND device_id NOT IN (SELECT device_id FROM matched)",
        {rule->id}));
    OTA_TRY(database_.execute(
        "INSERT OR IGNORE INTO target SELECT ?1, device_id, 'Targeted' FROM matched", {rule->id}));
  }
  OTA_TRY(database_.run_script(kScratchTables));
  OTA_TRY(
      database_.execute("INSERT INTO affected SELECT u.device_id FROM unevaluated AS u JOIN device"
                        " AS d ON d.device_id = u.device_id"));
  OTA_TRY(database_.execute("DELETE FROM unevaluated"));
  return resolve_affected(notices);
}

Outcome<Ok> Management::select_matching(const Rule& rule) const {
  query::Parameters parameters;
  OTA_TRY(const std::string condition, rule.sql(parameters));
  OTA_TRY(database_.run_script(kScratchTables));
  OTA_TRY(database_.execute(
      "INSERT INTO matched SELECT d.device_id FROM device AS d WHERE " + condition,
      parameters.values()));
  return Ok{};
}

Outcome<Ok> Management::write_twin(const std::string& device_id, const json& body, Twins::Write how,
                                   std::optional<std::string_view> if_match, Notices& notices) {
  OTA_TRY(const auto changes, twins_.write(device_id, body, how, if_match, notices));
  return device_changed(
      device_id,
      {.created = false, .tags = changes.tags, .desired = changes.desired, .reported = false},
      notices);
}

Outcome<Ok> Management::configuration_changed(const std::string& id, ConfigurationChange change,
                                              Notices& notices) {
  forget_rules();
  OTA_TRY(load_rules());
  const auto rule = std::find_if(rules_.begin(), rules_.end(),
                                 [&](const auto& candidate) { return candidate->id == id; });
  if (rule == rules_.end()) return Failure{code::kServerError, "there is no configuration " + id};
  OTA_TRY(select_matching(**rule));
  const std::string_view affected =
      change == ConfigurationChange::Priority
          ? "INSERT INTO affected SELECT device_id FROM target WHERE configuration_id = ?1 UNION "
            "SELECT device_id FROM matched"
          : "INSERT INTO affected"
            " SELECT * FROM (SELECT device_id FROM target WHERE configuration_id = ?1 EXCEPT "
            "SELECT device_id FROM matched)"
            " UNION"
            " SELECT * FROM (SELECT device_id FROM matched EXCEPT SELECT device_id FROM target "
            "WHERE configuration_id = ?1)";
  OTA_TRY(database_.execute(affected, {id}));
  OTA_TRY(
      database_.execute("DELETE FROM target WHERE configuration_id = ?1 AND device_id NOT IN "
                        "(SELECT device_id FROM matched)",
                        {id}));
  OTA_TRY(database_.execute(
      "INSERT OR IGNORE INTO target SELECT ?1, device_id, 'Targeted' FROM matched", {id}));
  return resolve_affected(notices);
}

Outcome<Ok> Management::configuration_removed(const std::string& id, Notices& notices) {
  OTA_TRY(load_rules());
  OTA_TRY(database_.run_script(kScratchTables));
  OTA_TRY(database_.execute(
      "INSERT INTO affected SELECT device_id FROM target WHERE configuration_id = ?1", {id}));
  OTA_TRY(database_.execute("DELETE FROM target WHERE configuration_id = ?1", {id}));
  return resolve_affected(notices);
}

Management::Plan Management::plan_for(const std::set<std::string>& configuration_ids) const {
  Plan plan;
  for (const auto& rule : rules_) {
    if (!configuration_ids.contains(rule->id)) continue;
    plan.owners.emplace_back(rule->id, twin::add_weaker(plan.wanted, rule->tree));
  }
  plan.wanted_text = json_to_text(plan.wanted);
  return plan;
}

Outcome<Ok> Management::resolve_affected(Notices& notices) {
  OTA_TRY(
      auto row,
      database_.query(
          "SELECT a.device_id, (SELECT group_concat(t.configuration_id, char(10)) FROM target AS t"
          " WHERE t.device_id = a.device_id) FROM affected AS a"));
  std::map<std::string, Plan> plans;
  for (;;) {
    OTA_TRY(const bool more, row.step());
    if (!more) return Ok{};
    const std::string set = row.text(1);
    auto plan = plans.find(set);
    if (plan == plans.end()) plan = plans.emplace(set, plan_for(split(set))).first;
    OTA_TRY(resolve(row.text(0), plan->second, notices));
  }
}

Outcome<Ok> Management::resolve(const std::string& device_id, const Plan& plan, Notices& notices) {
  OTA_TRY(auto twin, twins_.get(device_id));
  bool written = true;
  const json patch =
      twin::managed_patch(plan.wanted, stored_json(twin.managed), stored_json(twin.desired));
  if (!patch.empty() || twin.managed != plan.wanted_text) {
    OTA_TRY(written, twins_.write_managed(std::move(twin), patch, plan.wanted_text, notices));
  }
  for (const auto& [configuration, owns] : plan.owners) {
    OTA_TRY(database_.execute(
        "UPDATE target SET status = ?3 WHERE configuration_id = ?1 AND device_id = ?2"
        " AND status <> ?3",
        {configuration, device_id, written && owns ? "Applied" : "Targeted"}));
  }
  return Ok{};
}

Outcome<json> Management::statuses(std::string_view device_id) const {
  OTA_TRY(auto row,
          database_.query("SELECT configuration_id, status FROM target WHERE device_id = ?1",
                          {device_id}));
  json object = json::object();
  for (;;) {
    OTA_TRY(const bool more, row.step());
    if (!more) return object;
    object[row.text(0)] = {{"status", row.text(1)}};
  }
}

}  // namespace ota::hub
