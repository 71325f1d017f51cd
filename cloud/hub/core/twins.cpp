#include "cloud/hub/core/twins.hpp"

#include <nlohmann/json.hpp>

#include "cloud/hub/twin/twin.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

constexpr std::string_view kColumns =
    "device_id, etag, version, tags, desired, desired_metadata, desired_version, reported, "
    "reported_metadata,"
    " reported_version, managed";

std::uint64_t counter(const Statement& row, int column) {
  return static_cast<std::uint64_t>(row.integer(column));
}

Failure no_device(std::string_view device_id) {
  return {code::kNotFound, "there is no device " + std::string(device_id)};
}

/// The part of a service's body that belongs to one section, cleaned; nothing if it is absent.
Outcome<std::optional<json>> section_of(const json& body, const char* outer, const char* inner) {
  const auto found = body.find(outer);
  if (found == body.end() || found->is_null()) return std::optional<json>{};
  json section = *found;
  if (inner != nullptr) {
    if (!section.is_object())
      return Failure{code::kArgumentInvalid, "'properties' is not a JSON object"};
    const auto below = found->find(inner);
    if (below == found->end() || below->is_null()) return std::optional<json>{};
    section = *below;
  }
  twin::drop_service_members(section);
  OTA_TRY(twin::check_content(section));
  return std::optional<json>{std::move(section)};
}

/// A change as those who watch see it: what was written, and its version.
Event twin_event(std::string_view device_id, std::string_view operation, std::string body) {
  return {.type = EventType::Twin,
          .device_id = std::string(device_id),
          .properties = std::string(operation),
          .body = std::move(body)};
}

/// `section` is a literal.
Event section_event(std::string_view device_id, std::string_view section, std::string patch,
                    std::uint64_t version) {
  Event event = twin_event(device_id, "updateTwin", std::move(patch));
  event.section = section;
  event.version = version;
  return event;
}

/// What a replacement leads to, without the nulls that a client may have put in.
json replacement_patch(const json& from, const json& to) {
  json target = json::object();
  json metadata = json::object();
  twin::merge(target, metadata, to, {});
  return twin::difference(from, target);
}

}  // namespace

bool matches(std::optional<std::string_view> if_match, std::string_view etag) {
  if (!if_match) return true;
  std::string_view tag = *if_match;
  if (tag.substr(0, 2) == "W/") tag.remove_prefix(2);
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"')
    tag = tag.substr(1, tag.size() - 2);
  return tag == "*" || tag == etag;
}

Outcome<Ok> check_twin_body(const json& body) {
  OTA_TRY(section_of(body, "tags", nullptr));
  OTA_TRY(section_of(body, "properties", "desired"));
  return Ok{};
}

Outcome<Twin> Twins::get(std::string_view device_id) const {
  OTA_TRY(auto row,
          database_.query("SELECT " + std::string(kColumns) + " FROM device WHERE device_id = ?1",
                          {device_id}));
  OTA_TRY(const bool found, row.step());
  if (!found) return no_device(device_id);
  return Twin{.device_id = row.text(0),
              .etag = row.text(1),
              .version = counter(row, 2),
              .tags = row.text(3),
              .desired = row.text(4),
              .desired_metadata = row.text(5),
              .desired_version = counter(row, 6),
              .reported = row.text(7),
              .reported_metadata = row.text(8),
              .reported_version = counter(row, 9),
              .managed = row.text(10)};
}

Outcome<std::uint64_t> Twins::patch_reported(std::string_view device_id, std::string_view text,
                                             std::optional<std::uint64_t> if_version,
                                             Notices& notices) {
  OTA_TRY(auto patch, parse_json_object(text, twin::kPatchLimits));
  twin::drop_service_members(patch);
  OTA_TRY(twin::check_content(patch));
  OTA_TRY(const std::uint64_t version, change_reported(device_id, patch, if_version));
  notices.event(section_event(device_id, "reported", std::string(text), version));
  return version;
}

Outcome<std::uint64_t> Twins::change_reported(std::string_view device_id, const json& patch,
                                              std::optional<std::uint64_t> if_version) {
  if (ReportedSection* known = reported_.find(device_id)) {
    auto version = merge_reported(*known, patch, if_version);
    if (version) return version;
    reported_.drop(device_id);
    if (version.error().code == code::kServerError) return version;
    // A change was undone, or the device was made anew: what is stored decides.
  }
  OTA_TRY(ReportedSection loaded, load_reported(device_id));
  auto version = merge_reported(reported_.keep(std::move(loaded)), patch, if_version);
  if (!version) reported_.drop(device_id);
  return version;
}

Outcome<ReportedSection> Twins::load_reported(std::string_view device_id) const {
  OTA_TRY(auto row, database_.query("SELECT sequence, reported, reported_metadata,"
                                    " reported_version FROM device_state WHERE device_id = ?1",
                                    {device_id}));
  OTA_TRY(const bool found, row.step());
  if (!found) return no_device(device_id);
  const std::string document = row.text(1);
  const std::string metadata = row.text(2);
  return ReportedSection{.device_id = std::string(device_id),
                         .sequence = row.integer(0),
                         .document = stored_json(document),
                         .metadata = stored_json(metadata),
                         .version = counter(row, 3),
                         .text_bytes = document.size() + metadata.size()};
}

/// After a failure the section is neither what is stored nor what was wanted.
Outcome<std::uint64_t> Twins::merge_reported(ReportedSection& section, const json& patch,
                                             std::optional<std::uint64_t> if_version) {
  if (if_version && *if_version != section.version) {
    return Failure{code::kPreconditionFailed,
                   "the reported properties have version " + std::to_string(section.version)};
  }
  const twin::Stamp stamp{.time = contract::to_iso8601(settings_.now()), .version = std::nullopt};
  twin::merge(section.document, section.metadata, patch, stamp);
  OTA_TRY(twin::check_size(section.document, twin::Section::Reported));
  std::string document = json_to_text(section.document);
  std::string metadata = json_to_text(section.metadata);
  const std::size_t text_bytes = document.size() + metadata.size();
  if (!store_reported_) {
    OTA_TRY(store_reported_,
            database_.prepare("UPDATE device_state SET reported = ?1, reported_metadata = ?2,"
                              " reported_version = ?3 + 1, last_activity = ?5"
                              " WHERE sequence = ?4 AND reported_version = ?3"));
  }
  OTA_TRY(const auto changed,
          store_reported_->run({std::move(document), std::move(metadata), section.version,
                                section.sequence, stamp.time}));
  if (changed == 0) return no_device(section.device_id);
  reported_.resize(section, text_bytes);
  return ++section.version;
}

Outcome<Ok> Twins::change_desired(Twin& twin, const json& patch, Notices& notices) const {
  json desired = stored_json(twin.desired);
  json metadata = stored_json(twin.desired_metadata);
  ++twin.desired_version;
  twin::merge(desired, metadata, patch,
              {.time = contract::to_iso8601(settings_.now()), .version = twin.desired_version});
  OTA_TRY(twin::check_size(desired, twin::Section::Desired));
  twin.desired = json_to_text(desired);
  twin.desired_metadata = json_to_text(metadata);
  const std::string text = json_to_text(patch);
  notices.event(section_event(twin.device_id, "desired", text, twin.desired_version));
  notices.desired_patch(twin.device_id, twin.desired_version,
                        twin::with_version(text, twin.desired_version));
  return Ok{};
}

Outcome<Ok> Twins::store(const Twin& twin) const {
  OTA_TRY(database_.execute(
      "UPDATE device_base SET etag = ?2, service_version = ?3, tags = ?4, desired = ?5,"
      " desired_metadata = ?6, desired_version = ?7, managed = ?8 WHERE device_id = ?1",
      {twin.device_id, twin.etag, twin.version - (twin.reported_version - 1), twin.tags,
       twin.desired, twin.desired_metadata, twin.desired_version, twin.managed}));
  return Ok{};
}

Outcome<Twins::Changes> Twins::write(std::string_view device_id, const json& body, Write how,
                                     std::optional<std::string_view> if_match, Notices& notices) {
  OTA_TRY(const auto tags, section_of(body, "tags", nullptr));
  OTA_TRY(const auto desired, section_of(body, "properties", "desired"));
  OTA_TRY(auto twin, get(device_id));
  if (!matches(if_match, twin.etag)) {
    return Failure{code::kPreconditionFailed, "the twin has changed: its etag is " + twin.etag};
  }
  const auto patch_for = [&](const json& document, const json& section) {
    return how == Write::Merge ? section : replacement_patch(document, section);
  };
  if (tags) {
    json document = stored_json(twin.tags);
    json metadata = json::object();
    twin::merge(document, metadata, patch_for(document, *tags), {});
    OTA_TRY(twin::check_size(document, twin::Section::Tags));
    twin.tags = json_to_text(document);
    notices.event(twin_event(twin.device_id, how == Write::Merge ? "updateTwin" : "replaceTwin",
                             R"({"tags":)" + json_to_text(*tags) + "}"));
  }
  if (desired)
    OTA_TRY(change_desired(twin, patch_for(stored_json(twin.desired), *desired), notices));
  if (tags || desired) {
    twin.etag = twin::next_etag(twin.etag);
    ++twin.version;
    OTA_TRY(store(twin));
  }
  return Changes{.tags = tags.has_value(), .desired = desired.has_value()};
}

Outcome<bool> Twins::write_managed(Twin twin, const json& patch, const std::string& managed,
                                   Notices& notices) {
  twin.managed = managed;
  if (!patch.empty()) {
    const auto changed = change_desired(twin, patch, notices);
    if (!changed && changed.error().code == code::kArgumentInvalid) return false;
    if (!changed) return changed.error();
    twin.etag = twin::next_etag(twin.etag);
    ++twin.version;
  }
  OTA_TRY(store(twin));
  return true;
}

std::string to_text(const Device& device, const Twin& twin, const json& configurations) {
  const std::string desired =
      twin::with_metadata(twin.desired, twin.desired_metadata, twin.desired_version);
  const std::string reported =
      twin::with_metadata(twin.reported, twin.reported_metadata, twin.reported_version);
  ObjectText object;
  object.text("deviceId", device.id)
      .text("etag", twin.etag)
      .text("deviceEtag", device.etag)
      .text("status", device.status)
      .text_or_null("statusReason", device.status_reason)
      .text("statusUpdateTime", device.status_updated)
      .text("connectionState", device.connection_state)
      .text("connectionStateUpdateTime", device.connection_updated)
      .text("lastActivityTime", device.last_activity)
      .number("cloudToDeviceMessageCount", device.message_count)
      .text("authenticationType", device.authentication_type)
      .json("x509Thumbprint", ObjectText()
                                  .text_or_null("primaryThumbprint", device.primary_thumbprint)
                                  .text_or_null("secondaryThumbprint", device.secondary_thumbprint)
                                  .finish())
      .text("modelId", device.model_id)
      .number("version", static_cast<std::int64_t>(twin.version))
      .json("tags", twin.tags)
      .json("properties", ObjectText().json("desired", desired).json("reported", reported).finish())
      .json("capabilities",
            ObjectText().json("iotEdge", device.iot_edge ? "true" : "false").finish())
      .json("deviceScope", "null")
      .json("parentScopes", "[]");
  if (!configurations.empty()) object.json("configurations", json_to_text(configurations));
  return object.finish();
}

}  // namespace ota::hub
