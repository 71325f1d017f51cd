#include "cloud/hub/core/jobs.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cloud/hub/query/compiler.hpp"
#include "cloud/hub/query/syntax.hpp"
#include "cloud/hub/twin/json_text.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

constexpr std::string_view kUpdateTwin = "scheduleUpdateTwin";
constexpr std::string_view kCallMethod = "scheduleDeviceMethod";
constexpr std::int64_t kSecondsMaxDefault = 3600;
constexpr std::int64_t kSecondsMaxLimit = 7 * 86'400;
// A batch holds the event loop for some tens of milliseconds.
constexpr std::int64_t kDevicesPerTick = 500;
constexpr std::int64_t kCallsAtOnce = 500;  // of one job

constexpr std::string_view kColumns =
    "sequence, job_id, type, status, condition, update_twin, start_at, seconds_max, created_at,"
    " ended_at, failure_reason, method";
constexpr std::string_view kActive = "ended_at IS NULL";

Job read_row(const Statement& row) {
  Job job;
  job.sequence = row.integer(0);
  job.id = row.text(1);
  job.type = row.text(2);
  job.status = row.text(3);
  job.condition = row.text(4);
  job.update_twin = row.optional_text(5);
  job.start_at = row.integer(6);
  job.seconds_max = row.integer(7);
  job.created_at = row.integer(8);
  if (!row.is_null(9)) job.ended_at = row.integer(9);
  job.failure_reason = row.optional_text(10);
  job.method = row.optional_text(11);
  return job;
}

Outcome<std::vector<Job>> read_all(Statement row) {
  std::vector<Job> jobs;
  for (;;) {
    OTA_TRY(const bool more, row.step());
    if (!more) return jobs;
    jobs.push_back(read_row(row));
  }
}

Outcome<std::string> text_member(const json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end() || !found->is_string())
    return invalid(std::string("'") + name + "' is missing or not a string");
  return found->get<std::string>();
}

Outcome<std::string> condition_sql(const std::string& condition, query::Parameters& parameters) {
  if (condition == "*") return std::string("1");
  OTA_TRY(const auto expression, query::parse_condition(condition));
  return query::compile_condition(*expression, parameters);
}

Outcome<contract::UnixSeconds> start_time(const json& body, contract::UnixSeconds now) {
  const auto found = body.find("startTime");
  if (found == body.end() || found->is_null()) return now;
  const auto time = found->is_string()
                        ? contract::parse_iso8601(found->get_ref<const std::string&>())
                        : std::nullopt;
  if (!time) return invalid("'startTime' is not a time such as 2030-01-31T10:00:00Z");
  return std::max(*time, now);
}

Outcome<std::int64_t> longest_run(const json& body) {
  const auto found = body.find("maxExecutionTimeInSeconds");
  if (found == body.end() || found->is_null()) return kSecondsMaxDefault;
  if (!found->is_number_unsigned() || *found < 1 || *found > kSecondsMaxLimit)
    return invalid("'maxExecutionTimeInSeconds' is not a whole number of 1 .. 604800");
  return found->get<std::int64_t>();
}

/// What is to be done with each device.
Outcome<Ok> read_work(Job& job, const json& body) {
  if (job.type == kUpdateTwin) {
    const auto twin = body.find("updateTwin");
    if (twin == body.end() || !twin->is_object()) return invalid("'updateTwin' is missing");
    OTA_TRY(check_twin_body(*twin));
    job.update_twin = json_to_text(*twin);
    return Ok{};
  }
  if (job.type == kCallMethod) {
    const auto method = body.find("cloudToDeviceMethod");
    if (method == body.end() || !method->is_object())
      return invalid("'cloudToDeviceMethod' is missing");
    OTA_TRY(read_method_call(job.id, *method));
    job.method = json_to_text(*method);
    return Ok{};
  }
  return Failure{code::kInvalidOperation,
                 "this hub has no jobs of type '" + job.type +
                     "', only scheduleUpdateTwin and scheduleDeviceMethod"};
}

/// What a twin's etag must be; anything unless the job names one.
std::string etag_of(const json& update) {
  const auto etag = update.find("etag");
  return etag != update.end() && etag->is_string() ? etag->get<std::string>() : "*";
}

std::string error_text(std::string_view name, const std::string& message) {
  return json_to_text({{"code", name}, {"description", message}});
}

}  // namespace

Outcome<Job> Jobs::read_body(const std::string& id, const json& body, contract::UnixSeconds now) {
  if (!is_device_id(id)) {
    return invalid("'" + id +
                   "' cannot be a job's id: 1 to 128 ASCII letters, digits and"
                   " - : . + % _ # * ? ! ( ) , = @ $ '");
  }
  Job job;
  job.id = id;
  const auto body_id = body.find("jobId");
  if (body_id != body.end() && *body_id != id) return invalid("jobId in body and path differ");
  OTA_TRY(job.type, text_member(body, "type"));
  OTA_TRY(read_work(job, body));
  OTA_TRY(job.condition, text_member(body, "queryCondition"));
  query::Parameters parameters;
  OTA_TRY(condition_sql(job.condition, parameters));
  OTA_TRY(job.start_at, start_time(body, now));
  OTA_TRY(job.seconds_max, longest_run(body));
  job.status = job.start_at > now ? "scheduled" : "queued";
  job.created_at = now;
  return job;
}

Outcome<Job> Jobs::create(const std::string& id, const json& body) {
  OTA_TRY(const Job job, read_body(id, body, parts_.settings.now()));
  const Database& database = parts_.database;
  OTA_TRY(auto transaction, Transaction::begin(database));
  OTA_TRY(forget_old());
  OTA_TRY(const auto same,
          database.find_integer("SELECT sequence FROM job WHERE job_id = ?1", {id}));
  if (same) return Failure{code::kAlreadyExists, "there is a job " + id + " already"};
  OTA_TRY(const auto active,
          database.find_integer("SELECT COUNT(*) FROM job WHERE " + std::string(kActive)));
  const std::int64_t active_max = quotas_of(parts_.settings.tier).active_jobs_max;
  if (parts_.settings.tier != Tier::None && active.value_or(0) >= active_max) {
    return Failure{code::kTooManyActiveJobs,
                   "the hub's edition allows " + std::to_string(active_max) +
                       " jobs at a time; wait for one to end, or cancel it"};
  }
  OTA_TRY(database.execute(
      "INSERT INTO job (job_id, type, status, condition, update_twin, start_at, seconds_max,"
      " created_at, method) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
      {job.id, job.type, job.status, job.condition, job.update_twin, job.start_at, job.seconds_max,
       job.created_at, job.method}));
  OTA_TRY(transaction.commit());
  return get(id);
}

Outcome<Ok> Jobs::forget_old() const {
  OTA_TRY(parts_.database.execute("DELETE FROM job WHERE ended_at < ?1",
                                  {parts_.settings.now() - kJobHistoryS}));
  return Ok{};
}

Outcome<Job> Jobs::get(std::string_view id) const {
  OTA_TRY(auto row, parts_.database.query(
                        "SELECT " + std::string(kColumns) + " FROM job WHERE job_id = ?1", {id}));
  OTA_TRY(const bool found, row.step());
  if (!found) return Failure{code::kJobNotFound, "there is no job " + std::string(id)};
  return read_row(row);
}

Outcome<std::vector<Job>> Jobs::list(const Filter& filter) const {
  OTA_TRY(auto row, parts_.database.query(
                        "SELECT " + std::string(kColumns) +
                            " FROM job WHERE sequence > ?1 AND (?2 = '' OR type = ?2) AND"
                            " (?3 = '' OR status = ?3) ORDER BY sequence LIMIT ?4",
                        {filter.after_sequence, filter.type, filter.status, filter.rows_max}));
  return read_all(std::move(row));
}

Outcome<Job> Jobs::cancel(std::string_view id) {
  OTA_TRY(auto transaction, Transaction::begin(parts_.database));
  OTA_TRY(const Job job, get(id));
  if (job.has_ended()) {
    return Failure{code::kInvalidOperation,
                   "job " + job.id + " cannot be cancelled: it is " + job.status};
  }
  OTA_TRY(
      parts_.database.execute("UPDATE device_job SET status = 'canceled', updated = ?2, ended = ?2"
                              " WHERE job_id = ?1 AND status = 'pending'",
                              {job.id, contract::to_iso8601(parts_.settings.now())}));
  OTA_TRY(end(job, "cancelled", std::nullopt));
  OTA_TRY(transaction.commit());
  return get(id);
}

Outcome<json> Jobs::to_json(const Job& job) const {
  OTA_TRY(auto row, parts_.database.query(
                        "SELECT COUNT(*), COALESCE(SUM(status = 'failed'), 0),"
                        " COALESCE(SUM(status = 'completed'), 0),"
                        " COALESCE(SUM(status = 'running'), 0),"
                        " COALESCE(SUM(status = 'pending'), 0) FROM device_job WHERE job_id = ?1",
                        {job.id}));
  OTA_TRY(row.step());
  json object = {{"jobId", job.id},
                 {"queryCondition", job.condition},
                 {"createdTime", contract::to_iso8601(job.created_at)},
                 {"startTime", contract::to_iso8601(job.start_at)},
                 {"maxExecutionTimeInSeconds", job.seconds_max},
                 {"type", job.type},
                 {"status", job.status},
                 {"deviceJobStatistics",
                  {{"deviceCount", row.integer(0)},
                   {"failedCount", row.integer(1)},
                   {"succeededCount", row.integer(2)},
                   {"runningCount", row.integer(3)},
                   {"pendingCount", row.integer(4)}}}};
  if (job.update_twin) object["updateTwin"] = stored_json(*job.update_twin);
  if (job.method) object["cloudToDeviceMethod"] = stored_json(*job.method);
  if (job.ended_at) object["endTime"] = contract::to_iso8601(*job.ended_at);
  if (job.failure_reason) {
    object["failureReason"] = *job.failure_reason;
    object["statusMessage"] = *job.failure_reason;
  }
  return object;
}

// ---- At work ----

Outcome<Ok> Jobs::advance(const Links& links) {
  OTA_TRY(auto row, parts_.database.query("SELECT " + std::string(kColumns) + " FROM job WHERE " +
                                              std::string(kActive) +
                                              " AND start_at <= ?1 ORDER BY start_at, sequence",
                                          {parts_.settings.now()}));
  OTA_TRY(const auto due, read_all(std::move(row)));
  for (const Job& job : due) {
    Notices notices;
    OTA_TRY(auto transaction, Transaction::begin(parts_.database));
    if (job.status != "running") OTA_TRY(start(job));
    std::vector<std::string> callable;
    if (job.method) {
      OTA_TRY(callable, take_callable(job));
    } else {
      OTA_TRY(update_twins(job, notices));
    }
    OTA_TRY(end_if_done(job));
    OTA_TRY(transaction.commit());
    notices.deliver(links);
    call_methods(job, callable);
  }
  return Ok{};
}

Outcome<Ok> Jobs::start(const Job& job) const {
  query::Parameters parameters;
  const std::string id = parameters.add(job.id);
  const std::string now = parameters.add(contract::to_iso8601(parts_.settings.now()));
  OTA_TRY(const std::string condition, condition_sql(job.condition, parameters));
  OTA_TRY(parts_.database.execute(
      "INSERT OR IGNORE INTO device_job (job_id, device_id, status, created, updated) SELECT " +
          id + ", d.device_id, 'pending', " + now + ", " + now + " FROM device AS d WHERE " +
          condition + " ORDER BY d.device_id",
      parameters.values()));
  OTA_TRY(parts_.database.execute("UPDATE job SET status = 'running' WHERE job_id = ?1", {job.id}));
  return Ok{};
}

Outcome<std::vector<std::string>> Jobs::waiting_devices(const Job& job,
                                                        std::int64_t count_max) const {
  OTA_TRY(auto row, parts_.database.query(
                        "SELECT device_id FROM device_job WHERE job_id = ?1 AND status = 'pending'"
                        " ORDER BY sequence LIMIT ?2",
                        {job.id, count_max}));
  std::vector<std::string> ids;
  for (;;) {
    OTA_TRY(const bool more, row.step());
    if (!more) return ids;
    ids.push_back(row.text(0));
  }
}

Outcome<std::vector<std::string>> Jobs::next_devices(const Job& job, std::int64_t count_max) {
  const std::int64_t allowed = parts_.throttle.available(Operation::JobDevice).value_or(count_max);
  OTA_TRY(auto ids, waiting_devices(job, std::clamp<std::int64_t>(allowed, 0, count_max)));
  OTA_TRY(parts_.throttle.take(Operation::JobDevice, std::ssize(ids)));
  return ids;
}

Outcome<Ok> Jobs::update_twins(const Job& job, Notices& notices) {
  OTA_TRY(const auto ids, next_devices(job, kDevicesPerTick));
  const json body = stored_json(job.update_twin.value_or("{}"));
  const std::string etag = etag_of(body);
  for (const std::string& id : ids) {
    const auto done = parts_.management.write_twin(id, body, Twins::Write::Merge, etag, notices);
    // A database that fails undoes the batch; everything else is the device's own failure.
    if (!done && done.error().code == code::kServerError) return done.error();
    OTA_TRY(note(job, id, done));
  }
  return Ok{};
}

Outcome<std::vector<std::string>> Jobs::take_callable(const Job& job) {
  OTA_TRY(
      const auto open,
      parts_.database.find_integer(
          "SELECT COUNT(*) FROM device_job WHERE job_id = ?1 AND status = 'running'", {job.id}));
  const std::int64_t room = std::max<std::int64_t>(kCallsAtOnce - open.value_or(0), 0);
  OTA_TRY(auto ids, next_devices(job, room));
  const std::string now = contract::to_iso8601(parts_.settings.now());
  for (const std::string& id : ids) {
    OTA_TRY(parts_.database.execute(
        "UPDATE device_job SET status = 'running', updated = ?3, started = ?3"
        " WHERE job_id = ?1 AND device_id = ?2",
        {job.id, id, now}));
  }
  return ids;
}

void Jobs::call_methods(const Job& job, const std::vector<std::string>& device_ids) {
  const json body = stored_json(job.method.value_or("{}"));
  for (const std::string& device_id : device_ids) {
    const auto note = [this, job_id = job.id, device_id](const Outcome<MethodAnswer>& answer) {
      // An answer that cannot be written down counts as one that never came: the job times out.
      (void)note_answer(job_id, device_id, answer);
    };
    auto call = read_method_call(device_id, body);
    if (call) {
      parts_.methods.invoke(std::move(call).value(), note, [] { return true; });
    } else {
      note(call.error());
    }
  }
}

Outcome<Ok> Jobs::note_answer(const std::string& job_id, const std::string& device_id,
                              const Outcome<MethodAnswer>& answer) const {
  std::optional<std::string> outcome;
  std::optional<std::string> error;
  if (answer) {
    outcome = R"({"deviceMethodResponse":{"status":)" + std::to_string(answer.value().status) +
              R"(,"payload":)" + answer.value().payload + "}}";
  } else {
    error = error_text(name_of(answer.error().code), answer.error().message);
  }
  OTA_TRY(parts_.database.execute(
      "UPDATE device_job SET status = ?3, updated = ?4, ended = ?4, outcome = ?5, error = ?6"
      " WHERE job_id = ?1 AND device_id = ?2 AND status = 'running'",
      {job_id, device_id, answer ? "completed" : "failed",
       contract::to_iso8601(parts_.settings.now()), outcome, error}));
  return Ok{};
}

Outcome<Ok> Jobs::give_up_open_calls() const {
  OTA_TRY(parts_.database.execute(
      "UPDATE device_job SET status = 'failed', updated = ?1, ended = ?1, error = ?2"
      " WHERE status = 'running'",
      {contract::to_iso8601(parts_.settings.now()),
       error_text("ServerError", "the hub stopped before the device had answered")}));
  return Ok{};
}

Outcome<Ok> Jobs::note(const Job& job, const std::string& device_id,
                       const Outcome<Ok>& done) const {
  std::optional<std::string> error;
  if (!done) {
    error = error_text(name_of(done.error().code), done.error().message);
  }
  OTA_TRY(parts_.database.execute(
      "UPDATE device_job SET status = ?3, updated = ?4, started = ?4, ended = ?4, error = ?5"
      " WHERE job_id = ?1 AND device_id = ?2",
      {job.id, device_id, done ? "completed" : "failed",
       contract::to_iso8601(parts_.settings.now()), error}));
  return Ok{};
}

Outcome<Ok> Jobs::end(const Job& job, std::string_view status,
                      const std::optional<std::string>& reason) const {
  OTA_TRY(parts_.database.execute(
      "UPDATE job SET status = ?2, ended_at = ?3, failure_reason = ?4 WHERE job_id = ?1",
      {job.id, status, parts_.settings.now(), reason}));
  return Ok{};
}

Outcome<Ok> Jobs::end_if_done(const Job& job) const {
  OTA_TRY(const auto open, parts_.database.find_integer(
                               "SELECT COUNT(*) FROM device_job WHERE job_id = ?1 AND status IN"
                               " ('pending', 'running')",
                               {job.id}));
  if (open.value_or(0) == 0) return end(job, "completed", std::nullopt);
  if (parts_.settings.now() < job.start_at + job.seconds_max) return Ok{};
  const std::string reason = "the job ran longer than its " + std::to_string(job.seconds_max) +
                             " s; " + std::to_string(open.value_or(0)) + " devices were left";
  const std::string error = error_text("TimedOut", reason);
  OTA_TRY(parts_.database.execute(
      "UPDATE device_job SET status = 'failed', updated = ?2, ended = ?2, error = ?3"
      " WHERE job_id = ?1 AND status IN ('pending', 'running')",
      {job.id, contract::to_iso8601(parts_.settings.now()), error}));
  return end(job, "failed", reason);
}

}  // namespace ota::hub
