#pragma once

// Configurations of automatic device management: what operators write, and what they see.
// Source: "Automatic device management at scale"; azure-iothub Configuration.

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cloud/hub/core/core.hpp"
#include "cloud/hub/core/management.hpp"
#include "cloud/hub/state/database.hpp"

namespace ota::hub {

inline constexpr std::size_t kMetricQueriesMax = 5;

class Configurations {
 public:
  Configurations(const Database& database, Management& management, const Settings& settings)
      : database_(database), management_(management), settings_(settings) {}

  /// Both with metrics. Errors: NotFound.
  Outcome<nlohmann::json> show(std::string_view id);
  Outcome<nlohmann::json> list();

  /// Without If-Match: creates (AlreadyExists, QuotaExceeded). With: changes labels, condition,
  /// priority or metrics; the content cannot be changed (PreconditionFailed, ArgumentInvalid).
  /// Devices are evaluated at once.
  Outcome<Ok> put(const std::string& id, const nlohmann::json& body,
                  std::optional<std::string_view> if_match, Notices& notices);
  /// Counts all metrics and keeps the results until the next time, where the settings name a
  /// cadence.
  Outcome<Ok> count_metrics();
  Outcome<Ok> remove(const std::string& id, std::optional<std::string_view> if_match,
                     Notices& notices);

 private:
  struct Stored;
  struct Wanted;
  Outcome<std::optional<Stored>> find(std::string_view id) const;
  Outcome<Ok> create(const std::string& id, const Wanted& wanted, Notices& notices);
  Outcome<Ok> update(const Stored& stored, const Wanted& wanted, Notices& notices);
  Outcome<nlohmann::json> to_json(const Stored& stored);
  Outcome<nlohmann::json> results_of(const Stored& stored);
  Outcome<Ok> count_metrics(const std::string& id);
  Outcome<Ok> keep_results(const Stored& stored);
  Outcome<std::vector<Stored>> all() const;
  Outcome<std::int64_t> metric(const std::string& query_text);
  static Stored read_row(const Statement& row);
  static Outcome<Wanted> read_body(const std::string& id, const nlohmann::json& body);

  struct Metric {
    std::int64_t as_of = -1;  // the database's count of changes
    std::int64_t value = 0;
  };

  const Database& database_;
  Management& management_;
  const Settings& settings_;
  std::map<std::string, Metric> metrics_;  // by query text; computed again only after a change
};

/// {"targetConditionError":..,"customMetricQueryErrors":{..}}: checks queries without storing
/// anything.
nlohmann::json test_queries(const nlohmann::json& body);

}  // namespace ota::hub
