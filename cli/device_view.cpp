#include "cli/device_view.hpp"

#include <nlohmann/json.hpp>

#include "cli/output.hpp"
#include "cli/rollout_view.hpp"
#include "cli/text_of.hpp"

namespace ota::cli {
namespace {

using Json = nlohmann::json;
using rollout::DeviceState;

std::string number_text(const std::optional<std::uint32_t>& number, const char* unit = "") {
  return number ? std::to_string(*number) + unit : "-";
}

Json number_json(const std::optional<std::uint32_t>& number) {
  return number ? Json(*number) : Json(nullptr);
}

Json text_json(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

/// "none" says nothing to a person.
std::string reason(const DeviceState& device) {
  return device.report.code == "none" ? std::string() : device.report.code;
}

/// Progress means something only while an image is on its way.
std::string progress(const DeviceState& device) {
  const bool moving =
      device.report.status == "downloading" || device.report.status == "interrupted";
  return moving ? number_text(device.report.progress_percent, " %") : "-";
}

}  // namespace

std::string device_table(const std::vector<DeviceState>& devices, contract::UnixSeconds now) {
  Table table({"DEVICE", "PRODUCT", "GROUP", "CONNECTION", "STATUS", "PHASE", "VERSION", "TARGET",
               "PROGRESS", "SINCE", "REASON"});
  for (const DeviceState& device : devices) {
    const auto shown = [](const std::string& text) { return or_dash(printable(text)); };
    table.add({shown(device.id), shown(device.product), shown(device.group),
               shown(device.connection_state), shown(device.report.status),
               shown(device.report.phase), number_text(device.report.version),
               number_text(device.report.target), progress(device),
               age_text(device.report.since, now), shown(reason(device))});
  }
  return table.text();
}

std::string device_text(const DeviceState& device, contract::UnixSeconds now) {
  const auto& report = device.report;
  std::string out;
  const auto line = [&out](const char* name, const std::string& value) {
    out += name + or_dash(printable(value)) + "\n";
  };
  line("device       ", device.id);
  line("product      ", device.product);
  line("group        ", device.group);
  line("identity     ", device.status);
  line("connection   ", device.connection_state);
  line("last seen    ", age_text(device.last_activity, now));
  line("wanted       ", number_text(device.wanted_version));
  line("runs         ", number_text(report.version));
  line("target       ", number_text(report.target));
  line("status       ", report.status);
  line("phase        ", report.phase);
  line("progress     ", progress(device));
  line("since        ", age_text(report.since, now));
  line("reason       ", reason(device));
  line("detail       ", report.detail);
  return out;
}

Json device_json(const DeviceState& device) {
  const auto& report = device.report;
  return {{"device", device.id},
          {"product", text_json(device.product)},
          {"group", text_json(device.group)},
          {"identity", text_json(device.status)},
          {"connection", text_json(device.connection_state)},
          {"lastActivity", text_json(device.last_activity)},
          {"wantedVersion", number_json(device.wanted_version)},
          {"version", number_json(report.version)},
          {"target", number_json(report.target)},
          {"status", text_json(report.status)},
          {"phase", text_json(report.phase)},
          {"progressPercent", number_json(report.progress_percent)},
          {"attempt", number_json(report.attempt)},
          {"code", text_json(report.code)},
          {"detail", text_json(report.detail)},
          {"since", text_json(report.since)}};
}

nlohmann::json detail_json(const rollout::RolloutDetail& detail) {
  nlohmann::json document = sight_json(detail.sight);
  document["schema"] = kJsonSchema;
  document["devices"] = nlohmann::json::array();
  for (const auto& device : detail.list.devices) {
    document["devices"].push_back(device_json(device));
  }
  document["moreDevices"] = detail.list.more;
  return document;
}

}  // namespace ota::cli
