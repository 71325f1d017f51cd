#include "cloud/rollout/fleet.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cloud/rollout/ids.hpp"
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

Outcome<std::vector<DeviceState>> list_devices(rest::HubClient& hub, const DeviceFilter& filter) {
  OTA_TRY(check_tags(filter));
  std::string condition;
  if (!filter.product.empty()) {
    condition =
        std::string("tags.") + tag::kProduct + "=" + contract::query_literal(filter.product);
  }
  if (!filter.group.empty()) {
    condition += condition.empty() ? "" : " AND ";
    condition += std::string("tags.") + tag::kGroup + "=" + contract::query_literal(filter.group);
  }
  return query(hub, condition);
}

Outcome<std::vector<DeviceState>> targeted_devices(rest::HubClient& hub,
                                                   std::string_view target_condition) {
  if (target_condition.empty()) return std::vector<DeviceState>();  // parked: nobody
  return query(hub, std::string(target_condition));
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
  OTA_TRY(const auto twin, outcome_of(hub.patch_twin(id, tags_patch(tags))));
  auto device = read_device(twin.text);
  if (!device) return unreadable(id);
  return std::move(*device);
}

Outcome<rest::DeviceIdentity> create_device(rest::HubClient& hub, std::string_view id,
                                            const DeviceFilter& tags) {
  OTA_TRY(check_device_id(id));
  OTA_TRY(check_tags(tags));
  OTA_TRY(auto identity, outcome_of(hub.create_device(id)));
  if (!tags.product.empty() || !tags.group.empty()) OTA_TRY(tag_device(hub, id, tags));
  return identity;
}

}  // namespace ota::rollout
