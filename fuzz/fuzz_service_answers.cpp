// What IoT Hub, DPS and Blob Storage answer an operator. Properties: an error always has a sentence
// for people, a configuration that is read can be written and read back as the same one, rows of an
// array are JSON texts again, and a release or device that is read is one that can be named.
//
// Input: an answer as the lines "STATUS", "Name: value", an empty line, the body.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/bytes.hpp"
#include "cloud/rest/configuration.hpp"
#include "cloud/rest/json_rows.hpp"
#include "cloud/rest/retry.hpp"
#include "cloud/rest/service_error.hpp"
#include "cloud/rollout/fleet.hpp"
#include "cloud/rollout/release.hpp"
#include "cloud/rollout/tally.hpp"
#include "fuzz/require.hpp"
#include "fuzz/script.hpp"

namespace {

using namespace ota;
using fuzz::require;

rest::HttpReply read_reply(std::string_view text) {
  rest::HttpReply reply;
  reply.status = static_cast<int>(fuzz::number_of(fuzz::take_until(text, "\n")) % 1000);
  while (!text.empty()) {
    std::string_view field = fuzz::take_until(text, "\n");
    if (field.empty()) break;
    const std::string name(fuzz::take_until(field, ": "));
    reply.headers.emplace_back(name, std::string(field));
  }
  reply.body = text;
  return reply;
}

void read_configuration(std::string_view json) {
  const auto configuration = rest::parse_configuration(json);
  if (!configuration) return;
  const auto again = rest::parse_configuration(rest::encode_configuration(*configuration));
  require(again.has_value());
  require(again->id == configuration->id && again->labels == configuration->labels);
  require(again->device_content == configuration->device_content);
  require(again->target_condition == configuration->target_condition);
  require(again->priority == configuration->priority);
  require(again->metric_queries == configuration->metric_queries);
  if (const auto release = rollout::read_release(*configuration)) {
    require(release->id == configuration->id && release->version != 0);
    require(!release->product.empty() && !release->group.empty());
  }
}

void read_rows(std::string_view json) {
  const auto rows = rest::split_json_array(json);
  if (!rows) return;
  std::vector<rollout::FleetRow> counted;
  for (const std::string& row : *rows) {
    require(nlohmann::json::accept(row));
    read_configuration(row);
    if (const auto device = rollout::read_device(row)) require(!device->id.empty());
    if (auto count = rollout::read_fleet_row(row)) counted.push_back(std::move(*count));
  }
  for (const rollout::FleetRow& row : counted) {
    require(row.devices >= 0);
    const rollout::Tally tally = rollout::tally_of(
        {row}, {.product = row.product, .group = row.group, .version = 1, .revision = 1});
    require(tally.targeted == row.devices);
    require(tally.waiting + tally.downloading + tally.interrupted + tally.applying + tally.done +
                tally.failed + tally.newer ==
            tally.targeted);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const rest::HttpReply reply = read_reply(text_of(std::as_bytes(std::span(data, size))));
  const rest::ApiError error = rest::service_error(reply, "do what was asked");
  require(error.message.starts_with("cannot do what was asked: "));
  require(error.http_status == reply.status);
  require(rest::retry_after_seconds(reply).value_or(0) >= 0);
  read_configuration(reply.body);
  read_rows(reply.body);
  if (const auto device = rollout::read_device(reply.body)) require(!device->id.empty());
  return 0;
}
