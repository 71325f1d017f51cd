#pragma once

// Scheduled jobs: one change for all devices of a query. A job asks its query when it starts, notes
// the devices down, and works through them a batch at each tick; what is done is durable, so a
// restarted hub goes on where it stopped. Methods are called on many devices at a time. Source:
// "Schedule jobs on multiple devices"; azure-iothub, job_client.ts.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/hub/core/management.hpp"
#include "cloud/hub/core/methods.hpp"
#include "cloud/hub/core/throttle.hpp"
#include "cloud/hub/state/database.hpp"

namespace ota::hub {

inline constexpr contract::UnixSeconds kJobHistoryS = 30 * 86'400;

struct Job {
  std::int64_t sequence = 0;
  std::string id;
  std::string type;  // scheduleUpdateTwin or scheduleDeviceMethod
  std::string status;
  std::string condition;
  std::optional<std::string> update_twin;  // a JSON text
  std::optional<std::string> method;       // a JSON text
  contract::UnixSeconds start_at = 0;
  std::int64_t seconds_max = 0;
  contract::UnixSeconds created_at = 0;
  std::optional<contract::UnixSeconds> ended_at;
  std::optional<std::string> failure_reason;

  bool has_ended() const { return ended_at.has_value(); }
};

class Jobs {
 public:
  struct Parts {
    const Database& database;
    const Settings& settings;
    Throttle& throttle;
    Management& management;
    Methods& methods;
  };
  explicit Jobs(Parts parts) : parts_(parts) {}

  /// Takes a job in; it starts at its time with the next tick. Errors: AlreadyExists,
  /// ArgumentInvalid, TooManyActiveJobs.
  Outcome<Job> create(const std::string& id, const nlohmann::json& body);
  /// Errors: JobNotFound.
  Outcome<Job> get(std::string_view id) const;
  /// Devices that wait are left out; what is done stays. Errors: JobNotFound, InvalidOperation.
  Outcome<Job> cancel(std::string_view id);

  struct Filter {
    std::string type;    // empty: all
    std::string status;  // empty: all
    std::int64_t after_sequence = 0;
    std::int64_t rows_max = 100;
  };
  Outcome<std::vector<Job>> list(const Filter& filter) const;

  /// The job with its statistics, as the service REST shows it.
  Outcome<nlohmann::json> to_json(const Job& job) const;

  /// At start: calls whose answer can no longer arrive have failed. They are not repeated, because
  /// the device may have done what it was asked.
  Outcome<Ok> give_up_open_calls() const;

  /// Starts what is due and works on what runs.
  Outcome<Ok> advance(const Links& links);

 private:
  static Outcome<Job> read_body(const std::string& id, const nlohmann::json& body,
                                contract::UnixSeconds now);
  Outcome<Ok> forget_old() const;
  Outcome<Ok> start(const Job& job) const;
  /// Waiting devices of the job, as many as the limits allow now.
  Outcome<std::vector<std::string>> next_devices(const Job& job, std::int64_t count_max);
  Outcome<Ok> update_twins(const Job& job, Notices& notices);
  Outcome<std::vector<std::string>> take_callable(const Job& job);
  void call_methods(const Job& job, const std::vector<std::string>& device_ids);
  Outcome<Ok> note_answer(const std::string& job_id, const std::string& device_id,
                          const Outcome<MethodAnswer>& answer) const;
  Outcome<std::vector<std::string>> waiting_devices(const Job& job, std::int64_t count_max) const;
  Outcome<Ok> note(const Job& job, const std::string& device_id, const Outcome<Ok>& done) const;
  Outcome<Ok> end(const Job& job, std::string_view status,
                  const std::optional<std::string>& reason) const;
  Outcome<Ok> end_if_done(const Job& job) const;

  Parts parts_;
};

}  // namespace ota::hub
