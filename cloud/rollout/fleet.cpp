#include "cloud/rollout/fleet.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cloud/rollout/ids.hpp"
#include "cloud/rollout/release.hpp"
#include "contract/azure/names.hpp"
#include "contract/json/json_text.hpp"
#include "contract/offer.hpp"

namespace ota::rollout {
namespace {

using Json = nlohmann::json;
using Path = Json::json_pointer;

std::string text_at(const Json& object, const Path& path) {
  return object.contains(path) && object[path].is_string() ? object[path].get<std::string>()
                                                           : std::string();
}

Failure unreadable(std::string_view id) {
  return {.kind = Failure::Kind::Failed,
          .code = "unreadable_answer",
          .message = "the twin of '" + std::string(id) + "' cannot be read; is this an IoT Hub?"};
}

Failure input(std::string code, std::string message) {
  return {.kind = Failure::Kind::Input, .code = std::move(code), .message = std::move(message)};
}

std::string tags_patch(const DeviceFilter& tags) {
  Json out = Json::object();
  if (!tags.product.empty()) out[tag::kProduct] = tags.product;
  if (!tags.group.empty()) out[tag::kGroup] = tags.group;
  return Json{{"tags", std::move(out)}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Outcome<std::vector<DeviceState>> query(rest::HubClient& hub, const std::string& condition) {
  const std::string where = condition.empty() || condition == "*" ? "" : " WHERE " + condition;
  OTA_TRY(const auto rows, outcome_of(hub.query_all("SELECT * FROM devices" + where)));
  std::vector<DeviceState> out;
  for (const rest::JsonText& row : rows) {
    if (auto device = read_device(row.text)) out.push_back(std::move(*device));
  }
  std::sort(out.begin(), out.end(),
            [](const DeviceState& a, const DeviceState& b) { return a.id < b.id; });
  return out;
}

/// Conditions of the query language, joined by AND.
class Conditions {
 public:
  void add(const std::string& condition) { text_ += (text_.empty() ? "" : " AND ") + condition; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void add_report(Conditions& conditions, const ReportFilter& report) {
  const std::string version = reported_path(contract::report_key::kVersion);
  if (!report.status.empty()) {
    conditions.add(reported_path(contract::report_key::kStatus) + "=" +
                   contract::query_literal(report.status));
  }
  if (report.version) conditions.add(version + "=" + std::to_string(*report.version));
  if (report.other_version) {
    // What is absent compares to nothing, so it has to be asked for by itself.
    conditions.add("(NOT IS_DEFINED(" + version + ") OR " + version +
                   "!=" + std::to_string(*report.other_version) + ")");
  }
}

constexpr int kTagTriesMax = 3;

Failure moved_meanwhile(const DeviceState& now) {
  return {
      .kind = Failure::Kind::Conflict,
      .code = "moved_meanwhile",
      .message = "somebody else moved device '" + now.id + "' at the same moment, to product '" +
                 now.product + "' and group '" + now.group +
                 "'; nothing was changed: look at it and repeat the command if you still mean it"};
}

}  // namespace

Outcome<Ok> check_tags(const DeviceFilter& tags) {
  if (!tags.product.empty()) {
    if (const auto good = contract::check_product(tags.product); !good) {
      return input("product_invalid", good.error());
    }
  }
  if (!tags.group.empty()) {
    if (const auto good = contract::check_group(tags.group); !good) {
      return input("group_invalid", good.error());
    }
  }
  return Ok{};
}

std::optional<DeviceState> read_device(std::string_view twin_json) {
  const Json twin = contract::read_json(twin_json);
  if (!twin.is_object()) return std::nullopt;
  DeviceState out{.id = text_at(twin, Path("/deviceId")),
                  .etag = text_at(twin, Path("/etag")),
                  .product = text_at(twin, Path(std::string("/tags/") + tag::kProduct)),
                  .group = text_at(twin, Path(std::string("/tags/") + tag::kGroup)),
                  .status = text_at(twin, Path("/status")),
                  .connection_state = text_at(twin, Path("/connectionState")),
                  .last_activity = text_at(twin, Path("/lastActivityTime"))};
  if (out.id.empty()) return std::nullopt;
  const std::string property(contract::kProperty);
  if (const Path reported("/properties/reported/" + property); twin.contains(reported)) {
    out.report = contract::parse_report(twin[reported].dump());
  }
  const Path wanted("/properties/desired/" + property + "/" +
                    std::string(contract::offer_key::kVersion));
  if (twin.contains(wanted) && twin[wanted].is_number_unsigned()) {
    out.wanted_version = twin[wanted].get<std::uint32_t>();
  }
  return out;
}

Outcome<std::vector<DeviceState>> list_devices(rest::HubClient& hub, const DeviceFilter& filter,
                                               const ReportFilter& report) {
  OTA_TRY(check_tags(filter));
  Conditions conditions;
  const auto add_tag = [&conditions](const char* name, const std::string& value) {
    if (value.empty()) return;
    conditions.add(std::string("tags.") + name + "=" + contract::query_literal(value));
  };
  add_tag(tag::kProduct, filter.product);
  add_tag(tag::kGroup, filter.group);
  add_report(conditions, report);
  return query(hub, conditions.text());
}

Outcome<DeviceState> show_device(rest::HubClient& hub, std::string_view id) {
  OTA_TRY(check_device_id(id));
  OTA_TRY(const auto twin, outcome_of(hub.get_twin(id)));
  auto device = read_device(twin.text);
  if (!device) return unreadable(id);
  return std::move(*device);
}

Outcome<DeviceState> tag_device(rest::HubClient& hub, std::string_view id,
                                const DeviceFilter& tags) {
  OTA_TRY(check_device_id(id));
  OTA_TRY(check_tags(tags));
  OTA_TRY(DeviceState before, show_device(hub, id));
  for (int tries = 1;; ++tries) {
    const auto changed = hub.patch_twin(id, tags_patch(tags), before.etag);
    if (changed) {
      auto device = read_device(changed->text);
      if (!device) return unreadable(id);
      return std::move(*device);
    }
    // Who changes something else in the twin, as a configuration does, is in nobody's way.
    if (changed.error().kind != rest::ApiError::Kind::Conflict || tries == kTagTriesMax) {
      return failure_of(changed.error());
    }
    OTA_TRY(DeviceState now, show_device(hub, id));
    if (now.product != before.product || now.group != before.group) return moved_meanwhile(now);
    before = std::move(now);
  }
}

Outcome<Ok> delete_device(rest::HubClient& hub, std::string_view id) {
  OTA_TRY(check_device_id(id));
  OTA_TRY(const auto identity, outcome_of(hub.get_device(id)));
  return outcome_of(hub.delete_device(id, identity.etag));
}

Outcome<rest::DeviceIdentity> create_device(rest::HubClient& hub, std::string_view id,
                                            const DeviceFilter& tags) {
  OTA_TRY(check_device_id(id));
  OTA_TRY(check_tags(tags));
  auto created = hub.create_device(id);
  if (!created) {
    Failure failure = failure_of(created.error());
    if (failure.kind == Failure::Kind::Conflict) {
      failure.message = "there is a device '" + std::string(id) +
                        "' already; look at it with `mcu-ota device show` (--key-file FILE writes "
                        "its connection string), or take another id";
    }
    return failure;
  }
  rest::DeviceIdentity identity = std::move(created).value();
  if (!tags.product.empty() || !tags.group.empty()) OTA_TRY(tag_device(hub, id, tags));
  return identity;
}

}  // namespace ota::rollout
