#pragma once

// Device twins in the hub's state: loading, changing and showing them. The rules are in
// cloud/hub/twin.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cloud/hub/core/core.hpp"
#include "cloud/hub/core/links.hpp"
#include "cloud/hub/core/registry.hpp"
#include "cloud/hub/core/reported_cache.hpp"
#include "cloud/hub/state/database.hpp"

namespace ota::hub {

/// One twin as it is stored; sections are texts of JSON objects.
struct Twin {
  std::string device_id;
  std::string etag;
  std::uint64_t version = 2;
  std::string tags;
  std::string desired;
  std::string desired_metadata;
  std::uint64_t desired_version = 1;
  std::string reported;
  std::string reported_metadata;
  std::uint64_t reported_version = 1;
  std::string managed;  // what configurations wrote last
};

/// Whether an If-Match header lets a change of an object with this etag pass: absent, *, "*",
/// "tag", tag and W/"tag".
bool matches(std::optional<std::string_view> if_match, std::string_view etag);

/// Whether a service's body may be written into a twin: "tags" and "properties.desired". Errors:
/// ArgumentInvalid.
Outcome<Ok> check_twin_body(const nlohmann::json& body);

class Twins {
 public:
  Twins(const Database& database, const Settings& settings)
      : database_(database), settings_(settings) {}

  /// Errors: NotFound.
  Outcome<Twin> get(std::string_view device_id) const;

  /// Merges what the device reports. Returns the new reported version. Errors: NotFound,
  /// PreconditionFailed, ArgumentInvalid.
  Outcome<std::uint64_t> patch_reported(std::string_view device_id, std::string_view json,
                                        std::optional<std::uint64_t> if_version, Notices& notices);

  enum class Write : std::uint8_t { Merge, Replace };
  struct Changes {
    bool tags = false;
    bool desired = false;
  };
  /// What a service or an enrollment writes: "tags" and "properties.desired". Errors: NotFound,
  /// PreconditionFailed, ArgumentInvalid.
  Outcome<Changes> write(std::string_view device_id, const nlohmann::json& body, Write how,
                         std::optional<std::string_view> if_match, Notices& notices);

  /// Merges what configurations demand and remembers it as managed. False if the section would
  /// break its limits: then nothing of the patch is written.
  Outcome<bool> write_managed(Twin twin, const nlohmann::json& patch, const std::string& managed,
                              Notices& notices);

 private:
  struct Section;
  Outcome<Ok> change_desired(Twin& twin, const nlohmann::json& patch, Notices& notices) const;
  Outcome<Ok> store(const Twin& twin) const;
  Outcome<ReportedSection> load_reported(std::string_view device_id) const;
  Outcome<std::uint64_t> merge_reported(ReportedSection& section, const nlohmann::json& patch,
                                        std::optional<std::uint64_t> if_version);
  Outcome<std::uint64_t> change_reported(std::string_view device_id, const nlohmann::json& patch,
                                         std::optional<std::uint64_t> if_version);

  const Database& database_;
  const Settings& settings_;
  ReportedCache reported_;
  std::optional<Statement> store_reported_;  // prepared when it is needed first
};

/// The twin as the service REST shows it. `configurations` is the object of statuses by id.
std::string to_text(const Device& device, const Twin& twin, const nlohmann::json& configurations);

}  // namespace ota::hub
