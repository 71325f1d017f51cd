#include "cloud/doctor/profile_checks.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

namespace ota::doctor {
namespace {

constexpr unsigned kOthersBits = 077;
/// Shorter keys are refused by the services.
constexpr std::size_t kKeyBytesMin = 16;

void check_mode(Findings& findings, const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) {
    findings.failed("profile.mode", std::string("cannot look at it: ") + std::strerror(errno),
                    "check the folder's owner and mode");
    return;
  }
  std::array<char, 8> mode{};
  std::snprintf(mode.data(), mode.size(), "%04o", about.st_mode & 07777U);
  if ((about.st_mode & kOthersBits) != 0) {
    findings.failed("profile.mode",
                    std::string("mode ") + mode.data() +
                        ": other users of this machine can get at the keys in it",
                    "chmod 600 " + path + ", and make new keys if others may have read these");
  } else if (about.st_uid != ::geteuid()) {
    findings.warning("profile.mode", "it belongs to user " + std::to_string(about.st_uid),
                     "use a profile of your own");
  } else {
    findings.ok("profile.mode", std::string("mode ") + mode.data() + ", yours");
  }
}

std::string summary(const contract::HubConnection& connection) {
  return connection.host_name + ", policy '" + connection.policy + "'";
}

std::optional<contract::HubConnection> read_hub(Findings& findings, const std::string& check,
                                                const std::string& text, const std::string& fix) {
  auto connection = contract::parse_hub_connection(text);
  if (!connection) {
    findings.failed(check, connection.error(), fix);
    return std::nullopt;
  }
  if (connection->policy.empty() || !connection->device_id.empty()) {
    findings.failed(check, "this is the connection string of a device, not of a service", fix);
    return std::nullopt;
  }
  if (connection->key.size() < kKeyBytesMin) {
    findings.failed(check, "its key has only " + std::to_string(connection->key.size()) + " bytes",
                    fix);
    return std::nullopt;
  }
  findings.ok(check, summary(*connection));
  return std::move(*connection);
}

void check_storage_string(Findings& findings, const std::string& text, Connections& out) {
  const std::string check = "profile.storage";
  const std::string fix =
      "copy the storage account's connection string anew "
      "(az storage account show-connection-string)";
  if (text.empty()) {
    findings.warning(check, "nothing says where the storage account is: `deploy` cannot publish",
                     "set AZURE_STORAGE_CONNECTIONSTRING, or use a profile that names it");
    return;
  }
  auto connection = contract::parse_storage_connection(text);
  if (!connection) return findings.failed(check, connection.error(), fix);
  findings.ok(check, "account '" + connection->account + "' at " + connection->blob_endpoint);
  out.storage = std::move(*connection);
}

}  // namespace

std::optional<profile::Profile> check_file(Findings& findings, const std::string& path) {
  auto settings = profile::read(path);
  if (!settings) {
    findings.failed("profile.file", settings.error(), "");
    struct stat about {};
    if (::stat(path.c_str(), &about) == 0) check_mode(findings, path);
    return std::nullopt;
  }
  const bool local = settings->kind == profile::Kind::Local;
  findings.ok("profile.file", path + ", of " + (local ? "a local hub" : "a hub in Azure"));
  check_mode(findings, path);
  return std::move(*settings);
}

Connections check_connections(Findings& findings, const profile::Profile& settings) {
  Connections out;
  const bool local = settings.kind == profile::Kind::Local;
  out.hub =
      read_hub(findings, "profile.hub", settings.iothub_connection_string,
               local ? "let `mcu-ota hub` write the profile again"
                     : "copy the hub's connection string anew (az iot hub connection-string show)");
  check_storage_string(findings, settings.storage_connection_string, out);
  if (settings.dps_connection_string.empty()) {
    findings.skipped("profile.dps",
                     "no Device Provisioning Service is named; only `enrollment` "
                     "needs one");
  } else {
    out.dps = read_hub(
        findings, "profile.dps", settings.dps_connection_string,
        local ? "let `mcu-ota hub` write the profile again"
              : "copy the DPS's connection string anew (az iot dps connection-string show)");
  }
  return out;
}

void check_ca_file(Findings& findings, const std::string& path) {
  if (path.empty()) return findings.ok("profile.ca", "the system's certificates are trusted");
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file.is_open() || text.empty()) {
    findings.failed("profile.ca", "cannot read the certificates in " + path,
                    "name the right file with --ca, or use the profile of this hub");
  } else if (text.find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
    findings.failed("profile.ca", path + " holds no certificate in PEM form",
                    "name the right file with --ca, or use the profile of this hub");
  } else {
    findings.ok("profile.ca", "trusts " + path);
  }
}

}  // namespace ota::doctor
