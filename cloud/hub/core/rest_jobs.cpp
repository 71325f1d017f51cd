// /jobs/v2: scheduled jobs. Source: azure-iothub, job_client.ts.

#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "cloud/hub/core/rest.hpp"
#include "cloud/hub/twin/json_text.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

Outcome<HttpResponse> show(Hub& hub, const Outcome<Job>& job) {
  if (!job) return job.error();
  OTA_TRY(const json body, hub.jobs.to_json(job.value()));
  return json_answer(body);
}

/// Where a page ended: the job's number in the hub.
Outcome<std::int64_t> decode(std::string_view token) {
  const auto bytes = from_base64(token);
  const auto sequence = bytes ? read_number<std::int64_t>(text_of(*bytes)) : std::nullopt;
  if (!sequence || *sequence < 0)
    return Failure{code::kArgumentInvalid, "the continuation token is not one of this hub"};
  return *sequence;
}

Outcome<HttpResponse> list_jobs(Hub& hub, const Call& call) {
  constexpr std::int64_t kRowsMax = 1000;
  Jobs::Filter filter;
  filter.type = call.parameter("jobType").value_or("");
  filter.status = call.parameter("jobStatus").value_or("");
  const std::int64_t wanted = std::min(page_size(call), kRowsMax);
  filter.rows_max = wanted + 1;  // One more tells whether there is another page.
  if (const auto token = call.request.headers.find("x-ms-continuation"); token && !token->empty()) {
    OTA_TRY(filter.after_sequence, decode(*token));
  }
  OTA_TRY(auto jobs, hub.jobs.list(filter));
  const bool more = std::ssize(jobs) > wanted;
  if (more) jobs.pop_back();
  json rows = json::array();
  for (const Job& job : jobs) {
    OTA_TRY(auto row, hub.jobs.to_json(job));
    rows.push_back(std::move(row));
  }
  HttpResponse response = json_answer(rows);
  response.headers.add("x-ms-item-type", "JobResponse");
  if (more) {
    response.headers.add("x-ms-continuation",
                         to_base64(bytes_of(std::to_string(jobs.back().sequence))));
  }
  return response;
}

}  // namespace

Outcome<HttpResponse> handle_jobs(Hub& hub, const Call& call) {
  OTA_TRY(demand_service_or_registry(hub, call));
  if (call.segments.size() < 2 || call.segments[1] != "v2") {
    return Failure{code::kInvalidOperation,
                   "this hub has no import and export jobs; identities go in and out with"
                   " POST /devices and queries"};
  }
  if (call.is("GET", 3) && call.segments[2] == "query") return list_jobs(hub, call);
  if (call.is("GET", 3)) return show(hub, hub.jobs.get(call.segments[2]));
  if (call.is("PUT", 3)) {
    OTA_TRY(const json body, call.body());
    return show(hub, hub.jobs.create(call.segments[2], body));
  }
  if (call.is("POST", 4) && call.segments[3] == "cancel")
    return show(hub, hub.jobs.cancel(call.segments[2]));
  return no_such_route(call);
}

}  // namespace ota::hub
