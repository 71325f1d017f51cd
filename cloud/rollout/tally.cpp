#include "cloud/rollout/tally.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cloud/rollout/fleet.hpp"
#include "contract/azure/names.hpp"
#include "contract/json/json_text.hpp"

namespace ota::rollout {
namespace {

using Json = nlohmann::json;
using contract::StatusWord;

/// A path that is grouped by, and the name that a row gives it.
struct Column {
  std::string path;
  const char* alias;
};

std::vector<Column> tag_columns() {
  return {{std::string("tags.") + tag::kProduct, "product"},
          {std::string("tags.") + tag::kGroup, "inGroup"}};
}

std::vector<Column> all_columns() {
  namespace key = contract::report_key;
  std::vector<Column> columns = tag_columns();
  columns.push_back({reported_path(key::kStatus), "status"});
  columns.push_back({reported_path(key::kTarget), "target"});
  columns.push_back({reported_path(key::kVersion), "version"});
  columns.push_back({reported_path(key::kAttempt), "attempt"});
  columns.push_back({reported_path(key::kCode), "code"});
  return columns;
}

std::string query_of(const std::vector<Column>& columns, std::string_view condition) {
  std::string selected;
  std::string grouped;
  for (const Column& column : columns) {
    selected += column.path + " AS " + column.alias + ", ";
    grouped += (grouped.empty() ? " GROUP BY " : ", ") + column.path;
  }
  return "SELECT " + selected + "COUNT() AS n FROM devices" +
         (condition.empty() ? "" : " WHERE " + std::string(condition)) + grouped;
}

std::string text_in(const Json& row, const char* name) {
  const auto it = row.find(name);
  return it != row.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::optional<std::uint32_t> number_in(const Json& row, const char* name) {
  const auto it = row.find(name);
  if (it == row.end() || !it->is_number_unsigned()) return std::nullopt;
  const auto value = it->get<std::uint64_t>();
  return value > 0xFFFFFFFFU ? std::nullopt : std::optional(static_cast<std::uint32_t>(value));
}

Outcome<std::vector<FleetRow>> run(rest::HubClient& hub, const std::string& query) {
  OTA_TRY(const auto texts, outcome_of(hub.query_all(query)));
  std::vector<FleetRow> rows;
  for (const rest::JsonText& text : texts) {
    auto row = read_fleet_row(text.text);
    if (!row) {
      return Failure{.kind = Failure::Kind::Failed,
                     .code = "unreadable_answer",
                     .message = "the hub's count of devices cannot be read; is this an IoT Hub?"};
    }
    rows.push_back(std::move(*row));
  }
  return rows;
}

std::int64_t sum_of(const std::vector<FleetRow>& rows, const FleetRow& tags) {
  std::int64_t sum = 0;
  for (const FleetRow& row : rows) {
    if (row.product == tags.product && row.group == tags.group) sum += row.devices;
  }
  return sum;
}

void count_code(std::vector<CodeCount>& codes, const std::string& code, std::int64_t devices) {
  const auto it = std::find_if(codes.begin(), codes.end(),
                               [&code](const CodeCount& one) { return one.code == code; });
  if (it == codes.end()) {
    codes.push_back({.code = code, .devices = devices});
  } else {
    it->devices += devices;
  }
}

}  // namespace

std::optional<FleetRow> read_fleet_row(std::string_view json) {
  const Json row = contract::read_json(json);
  const auto n = row.is_object() ? row.find("n") : row.end();
  if (!row.is_object() || n == row.end() || !n->is_number_unsigned()) return std::nullopt;
  FleetRow out;
  out.product = text_in(row, "product");
  out.group = text_in(row, "inGroup");
  out.devices = static_cast<std::int64_t>(n->get<std::uint64_t>() & 0x7FFFFFFFFFFFFFFFU);
  out.report.status = text_in(row, "status");
  out.report.code = text_in(row, "code");
  out.report.target = number_in(row, "target");
  out.report.version = number_in(row, "version");
  out.report.attempt = number_in(row, "attempt");
  return out;
}

Standing standing_of(const contract::ReportView& report, const DeployedRelease& release) {
  const auto says = [&report](StatusWord word) { return report.status == to_text(word); };
  if (report.target == release.version) {
    if (says(StatusWord::Downloading)) return Standing::Downloading;
    if (says(StatusWord::Interrupted)) return Standing::Interrupted;
    if (says(StatusWord::Applying)) return Standing::Applying;
    const bool earlier =
        report.attempt && release.revision > 1 && *report.attempt < release.revision - 1;
    if (says(StatusWord::Error)) return earlier ? Standing::Waiting : Standing::Failed;
  }
  // The MCU runs what it runs, whatever the device does for another release.
  if (report.version == release.version) return Standing::Done;
  return report.version && *report.version > release.version ? Standing::Newer : Standing::Waiting;
}

void Tally::add(Standing standing, std::int64_t devices) {
  targeted += devices;
  switch (standing) {
    case Standing::Waiting:
      waiting += devices;
      break;
    case Standing::Downloading:
      downloading += devices;
      break;
    case Standing::Interrupted:
      interrupted += devices;
      break;
    case Standing::Applying:
      applying += devices;
      break;
    case Standing::Done:
      done += devices;
      break;
    case Standing::Failed:
      failed += devices;
      break;
    case Standing::Newer:
      newer += devices;
      break;
  }
}

Outcome<FleetCount> count_fleet(rest::HubClient& hub, std::string_view condition) {
  FleetCount out{.queries = 1};
  OTA_TRY(out.rows, run(hub, query_of(all_columns(), condition)));
  const bool silent_ones_show = std::any_of(
      out.rows.begin(), out.rows.end(), [](const auto& row) { return row.report.status.empty(); });
  if (silent_ones_show) return out;
  // Either every device reports, or this hub leaves out groups whose members are undefined: a
  // count by tags alone tells, so that nobody is called finished who has not begun.
  ++out.queries;
  OTA_TRY(const auto totals, run(hub, query_of(tag_columns(), condition)));
  for (FleetRow total : totals) {
    total.devices -= sum_of(out.rows, total);
    if (total.devices > 0) out.rows.push_back(std::move(total));
  }
  return out;
}

Tally tally_of(const std::vector<FleetRow>& rows, const DeployedRelease& release) {
  Tally tally;
  for (const FleetRow& row : rows) {
    if (row.product != release.product || row.group != release.group) continue;
    const Standing standing = standing_of(row.report, release);
    tally.add(standing, row.devices);
    if (standing == Standing::Failed) count_code(tally.failures, row.report.code, row.devices);
  }
  std::sort(tally.failures.begin(), tally.failures.end(),
            [](const CodeCount& a, const CodeCount& b) {
              return a.devices != b.devices ? a.devices > b.devices : a.code < b.code;
            });
  return tally;
}

Outcome<TallyCount> count_by_query(rest::HubClient& hub, const DeployedRelease& release) {
  OTA_TRY(const auto fleet,
          count_fleet(hub, contract::target_condition(release.product, release.group)));
  return TallyCount{.tally = tally_of(fleet.rows, release), .queries = fleet.queries};
}

Outcome<std::int64_t> count_devices_where(rest::HubClient& hub, std::string_view condition) {
  OTA_TRY(const auto rows, run(hub, query_of({}, condition)));
  return rows.empty() ? std::int64_t{0} : rows.front().devices;
}

}  // namespace ota::rollout
