#include "cloud/doctor/service_checks.hpp"

#include <array>
#include <utility>

namespace ota::doctor {
namespace {

using rest::ApiError;
using Kind = ApiError::Kind;

/// A name that nobody has.
std::string probe_name() { return "mcu-ota-doctor-" + rest::new_request_id(); }

struct Access {
  enum class Is { Granted, Denied, Unknown } is = Is::Unknown;
  ApiError error = {};
};

/// A right is there when the service looked for the thing and did not find it.
template <class T>
Access access_of(const rest::ApiResult<T>& result) {
  if (result || result.error().kind == Kind::NotFound) return {.is = Access::Is::Granted};
  if (result.error().kind == Kind::Unauthorized) {
    return {.is = Access::Is::Denied, .error = result.error()};
  }
  return {.is = Access::Is::Unknown, .error = result.error()};
}

/// One right of a policy, and what an operator cannot do without it.
struct Right {
  const char* name;
  const char* without;
  Access access;
};

template <std::size_t N>
const Right* first_with(const std::array<Right, N>& rights, Access::Is is) {
  for (const Right& right : rights) {
    if (right.access.is == is) return &right;
  }
  return nullptr;
}

/// A service that answers otherwise than yes or no: down, throttling, or another kind of server.
void report_unclear(Findings& findings, const std::string& check, const ApiError& error) {
  if (error.kind == Kind::Throttled) {
    findings.warning(check, error.message, "run doctor again in a minute");
  } else {
    findings.failed(check, error.message, "look at the service; then run doctor again");
  }
}

std::string fix_of_key(const Findings& findings, const std::string& command) {
  return findings.has_failed("clock")
             ? "set this machine's clock first, then run doctor again"
             : "copy the connection string anew (" + command +
                   "); the local hub writes its own into the profile when it starts";
}

/// {area}.key and {area}.rights out of what was tried. True if the key is accepted.
template <std::size_t N>
bool report_rights(Findings& findings, const std::string& area, const std::string& policy,
                   const std::string& command, const std::array<Right, N>& rights) {
  const std::string key = area + ".key";
  if (const Right* unclear = first_with(rights, Access::Is::Unknown)) {
    report_unclear(findings, key, unclear->access.error);
    findings.skipped(area + ".rights", "the service gives no clear answer");
    return false;
  }
  if (first_with(rights, Access::Is::Granted) == nullptr) {
    findings.failed(key,
                    "the key of policy '" + policy + "' is refused (HTTP " +
                        std::to_string(rights[0].access.error.http_status) + ")",
                    fix_of_key(findings, command));
    findings.skipped(area + ".rights", "the key is refused");
    return false;
  }
  findings.ok(key, "the key of policy '" + policy + "' is accepted");
  std::string granted;
  std::string missing;
  std::string without;
  for (const Right& right : rights) {
    std::string& list = right.access.is == Access::Is::Granted ? granted : missing;
    list += (list.empty() ? "" : ", ") + std::string(right.name);
    if (right.access.is == Access::Is::Granted) continue;
    without += (without.empty() ? "" : "; ") + std::string(right.without);
  }
  if (missing.empty()) {
    findings.ok(area + ".rights", granted);
  } else {
    findings.failed(area + ".rights",
                    "policy '" + policy + "' lacks " + missing + ": without it " + without,
                    "use the connection string of a policy with these rights");
  }
  return true;
}

struct Quota {
  std::int64_t configurations = 100;
  std::int64_t devices = 1'000'000;
};

std::optional<Quota> quota_of(const profile::Profile& settings) {
  if (settings.tier == "F1") return Quota{.configurations = 10, .devices = 500};
  if (settings.kind == profile::Kind::Local && settings.tier.empty()) return std::nullopt;
  return Quota{};
}

/// "7 of 10", and whether there is room for more.
void report_count(Findings& findings, const std::string& check, const std::string& what,
                  std::int64_t count, std::optional<std::int64_t> limit, const std::string& fix) {
  const std::string detail = std::to_string(count) + " " + what;
  if (!limit) return findings.ok(check, detail + "; this hub keeps no quota");
  const std::string of = std::to_string(count) + " of " + std::to_string(*limit) + " " + what;
  if (count >= *limit) return findings.failed(check, of + ": there is room for no more", fix);
  if (count * 10 >= *limit * 9) return findings.warning(check, of, fix);
  findings.ok(check, of);
}

void check_quota(Findings& findings, rest::HubClient& hub, const profile::Profile& settings) {
  const auto quota = quota_of(settings);
  const auto limit = [&quota](std::int64_t Quota::*member) {
    return quota ? std::optional(*quota.*member) : std::nullopt;
  };
  if (const auto configurations = hub.list_configurations()) {
    report_count(
        findings, "hub.configurations", "configurations",
        static_cast<std::int64_t>(configurations->size()), limit(&Quota::configurations),
        "delete configurations that no device needs any more; `mcu-ota status` shows ours");
  } else {
    report_unclear(findings, "hub.configurations", configurations.error());
  }
  if (const auto devices = hub.count_devices()) {
    report_count(findings, "hub.devices", "devices", *devices, limit(&Quota::devices),
                 "delete devices that are gone (mcu-ota device delete), or use a larger edition");
  } else if (devices.error().kind == Kind::Unauthorized) {
    findings.skipped("hub.devices", "counting them takes the right registryRead");
  } else {
    report_unclear(findings, "hub.devices", devices.error());
  }
}

void check_write(Findings& findings, rest::BlobClient& blobs, const StorageQuestion& question) {
  const std::string name = probe_name();
  if (const auto stored =
          blobs.put_text(question.container, name, "written by mcu-ota doctor; may be deleted\n");
      !stored) {
    findings.failed("storage.write", stored.error().message,
                    "`deploy` needs a key that may write, and an account that is not read-only");
    return;
  }
  if (const auto removed = blobs.remove(question.container, name); !removed) {
    findings.warning("storage.write", "a probe was written, but " + removed.error().message,
                     "delete the blob '" + question.container + "/" + name + "'");
    return;
  }
  findings.ok("storage.write", "a probe was written and deleted again");
}

void report_storage_error(Findings& findings, const ApiError& error, const std::string& account) {
  if (error.kind != Kind::Unauthorized) return report_unclear(findings, "storage.key", error);
  if (error.code == "AuthorizationFailure") {
    findings.failed("storage.key", "account '" + account + "' refuses this machine's address",
                    "allow it in the account's network rules");
  } else if (error.code == "KeyBasedAuthenticationNotPermitted") {
    findings.failed("storage.key", "account '" + account + "' does not allow access by key",
                    "allow storage account key access: `deploy` signs tokens for devices with it");
  } else {
    findings.failed("storage.key",
                    "the key of account '" + account + "' is refused (HTTP " +
                        std::to_string(error.http_status) + ")",
                    fix_of_key(findings, "az storage account show-connection-string"));
  }
}

}  // namespace

void check_hub(Findings& findings, rest::HubClient& hub, const std::string& policy,
               const profile::Profile& settings) {
  const std::string nobody = probe_name();
  const std::array<Right, 3> rights = {{
      {"serviceConnect", "`deploy`, `status` and `device list` are refused",
       access_of(hub.get_twin(nobody))},
      {"registryRead", "`device delete` is refused", access_of(hub.get_device(nobody))},
      {"registryWrite", "`device create` and `device delete` are refused",
       access_of(hub.delete_device(nobody))},
  }};
  const bool accepted =
      report_rights(findings, "hub", policy, "az iot hub connection-string show", rights);
  if (accepted && rights[0].access.is == Access::Is::Granted) {
    check_quota(findings, hub, settings);
    return;
  }
  findings.skipped("hub.configurations", "the hub refuses to list them");
  findings.skipped("hub.devices", "the hub refuses to count them");
}

void check_dps(Findings& findings, rest::DpsClient& dps, const std::string& policy) {
  const std::string nobody = probe_name();
  const std::array<Right, 2> rights = {{
      {"enrollmentRead", "`enrollment list` and `show` are refused",
       access_of(dps.get(rest::EnrollmentKind::Individual, nobody))},
      {"enrollmentWrite", "`enrollment create` and `delete` are refused",
       access_of(dps.remove(rest::EnrollmentKind::Individual, nobody))},
  }};
  report_rights(findings, "dps", policy, "az iot dps connection-string show", rights);
}

void check_storage(Findings& findings, rest::BlobClient& blobs, const StorageQuestion& question) {
  const auto found = blobs.look_up_container(question.container);
  const bool missing = !found && found.error().kind == Kind::NotFound;
  if (!found && !missing) {
    report_storage_error(findings, found.error(), question.account);
    findings.skipped("storage.container", "the account cannot be asked");
    findings.skipped("storage.write", "the account cannot be asked");
    return;
  }
  findings.ok("storage.key", "the key of account '" + question.account + "' is accepted");
  if (missing) {
    findings.ok("storage.container",
                "there is no container '" + question.container + "' yet; `deploy` makes it");
    findings.skipped("storage.write", "there is no container to write to yet");
    return;
  }
  findings.ok("storage.container", "'" + question.container + "' is there");
  if (question.writing == StorageQuestion::Writing::No) {
    findings.skipped("storage.write", "only with --write, which stores a probe and deletes it");
    return;
  }
  check_write(findings, blobs, question);
}

}  // namespace ota::doctor
