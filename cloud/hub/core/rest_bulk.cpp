// POST /devices: a list of ExportImportDevice objects, each with its importMode. Each item is a
// transaction of its own; what failed is told item by item. Source: azure-iothub, registry.ts;
// azure-iot-hub (Python), bulk_registry_operations.py; "Import and export IoT Hub device
// identities".

#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "cloud/hub/core/identity_changes.hpp"
#include "cloud/hub/core/rest.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

constexpr std::size_t kItemsMax = 100;

enum class Existing : std::uint8_t { Refused, Changed, Demanded };
enum class Effect : std::uint8_t { Identity, Deletion, Twin };
struct ImportMode {
  std::string_view name;  // compared without case
  Effect effect;
  Existing existing;
  bool guarded;  // the item's etag must be the stored one
};
constexpr std::array kModes = {
    ImportMode{"createOrUpdate", Effect::Identity, Existing::Changed, false},
    ImportMode{"createOrUpdateIfMatchETag", Effect::Identity, Existing::Changed, true},
    ImportMode{"create", Effect::Identity, Existing::Refused, false},
    ImportMode{"update", Effect::Identity, Existing::Demanded, false},
    ImportMode{"updateIfMatchETag", Effect::Identity, Existing::Demanded, true},
    ImportMode{"delete", Effect::Deletion, Existing::Demanded, false},
    ImportMode{"deleteIfMatchETag", Effect::Deletion, Existing::Demanded, true},
    ImportMode{"updateTwin", Effect::Twin, Existing::Demanded, false},
    ImportMode{"updateTwinIfMatchETag", Effect::Twin, Existing::Demanded, true},
};

/// A member that is a text; nothing if it is absent, null or something else. Names compare without
/// case: Node sends back the "etag" of an identity where others write "eTag".
std::optional<std::string> text_member(const json& object, std::string_view name) {
  for (const auto& item : object.items()) {
    if (equal_ignoring_case(item.key(), name) && item.value().is_string())
      return item.value().get<std::string>();
  }
  return std::nullopt;
}

Outcome<ImportMode> mode_of(const json& item) {
  const std::string name = text_member(item, "importMode").value_or("createOrUpdate");
  for (const ImportMode& mode : kModes) {
    if (equal_ignoring_case(mode.name, name)) return mode;
  }
  return invalid("importMode '" + name +
                 "' is not create, update, createOrUpdate, delete, updateTwin, or one of them with"
                 " IfMatchETag");
}

/// The etag that has to match; "*" where the mode asks for none.
Outcome<std::string> guard_of(const json& item, const ImportMode& mode, std::string_view member) {
  if (!mode.guarded) return std::string("*");
  auto etag = text_member(item, member);
  if (!etag) {
    return invalid(std::string(mode.name) + " needs " + std::string(member) + " in the item");
  }
  return std::move(*etag);
}

Outcome<Ok> write_item_twin(Hub& hub, const std::string& id, const json& item,
                            const std::string& guard, Notices& notices) {
  if (!item.contains("tags") && !item.contains("properties")) return Ok{};
  return hub.management.write_twin(id, item, Twins::Write::Replace, guard, notices);
}

Outcome<Ok> apply(Hub& hub, const std::string& id, const json& item, Notices& notices) {
  OTA_TRY(const ImportMode mode, mode_of(item));
  if (text_member(item, "moduleId").value_or("") != "")
    return Failure{code::kInvalidOperation, "this hub offers no modules"};
  if (mode.effect == Effect::Twin) {
    OTA_TRY(const std::string guard, guard_of(item, mode, "twinETag"));
    OTA_TRY(hub.registry.get(id));
    return write_item_twin(hub, id, item, guard, notices);
  }
  OTA_TRY(const auto before, hub.registry.find(id));
  if (!before && mode.existing != Existing::Demanded) {
    OTA_TRY(create_device(hub, id, item, notices));
    return write_item_twin(hub, id, item, "*", notices);
  }
  if (before && mode.existing == Existing::Refused)
    return Failure{code::kAlreadyExists, "there is a device " + id + " already"};
  OTA_TRY(const std::string guard, guard_of(item, mode, "eTag"));
  if (mode.effect == Effect::Deletion) return delete_device(hub, id, guard, notices);
  OTA_TRY(update_device(hub, id, item, guard, notices));
  return write_item_twin(hub, id, item, "*", notices);
}

Outcome<Ok> apply_durably(Hub& hub, const std::string& id, const json& item) {
  Notices notices;
  OTA_TRY(auto transaction, Transaction::begin(hub.database));
  OTA_TRY(apply(hub, id, item, notices));
  OTA_TRY(transaction.commit());
  notices.deliver(hub.links);
  return Ok{};
}

json error_of(const std::string& id, const json& item, const Failure& failure) {
  return {{"deviceId", id},
          {"moduleId", nullptr},
          {"errorCode", name_of(failure.code)},
          {"errorStatus", failure.message},
          {"operation", item.is_object() ? text_member(item, "importMode").value_or("") : ""}};
}

}  // namespace

Outcome<HttpResponse> handle_bulk(Hub& hub, const Call& call) {
  OTA_TRY(const json list, call.list_body());
  if (list.empty()) return invalid("the list of devices is empty");
  if (list.size() > kItemsMax) {
    return Failure{code::kTooManyDevices,
                   "the list has " + std::to_string(list.size()) + " devices, the limit is 100"};
  }
  // The request itself has been counted as one.
  OTA_TRY(hub.throttle.take(Operation::Identity, std::ssize(list) - 1));
  json errors = json::array();
  std::set<std::string> seen;
  for (const json& item : list) {
    const auto id = item.is_object() ? text_member(item, "id") : std::nullopt;
    if (!id) {
      errors.push_back(error_of("", item, invalid("an item has no 'id'")));
    } else if (!seen.insert(*id).second) {
      errors.push_back(
          error_of(*id, item, {code::kDefinedTwice, "the list names device " + *id + " twice"}));
    } else if (const auto applied = apply_durably(hub, *id, item); !applied) {
      errors.push_back(error_of(*id, item, applied.error()));
    }
  }
  const bool successful = errors.empty();
  HttpResponse response = json_answer(
      {{"isSuccessful", successful}, {"errors", std::move(errors)}, {"warnings", json::array()}});
  if (!successful) {
    response.status = 400;
    response.headers.add("iothub-errorcode", std::string(name_of(code::kBulkFailure)));
  }
  return response;
}

}  // namespace ota::hub
