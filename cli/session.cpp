#include "cli/session.hpp"

#include <chrono>
#include <cstdlib>
#include <random>

#include "cloud/profile/profile.hpp"

namespace ota::cli {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read at start
  return value == nullptr ? "" : value;
}

Problem usage(std::string code, std::string message) {
  return {.exit_code = ExitCode::Usage, .code = std::move(code), .message = std::move(message)};
}

}  // namespace

/// Where the connection strings came from, for messages.
struct Session::Source {
  std::string name;
  std::string hub;
  std::string storage;
  std::string dps;
  std::string device_host;
  std::string ca_file;
};

Problem problem_of(const rollout::Failure& failure) {
  using Kind = rollout::Failure::Kind;
  Problem out{.exit_code = ExitCode::Failed,
              .code = failure.code,
              .message = failure.message,
              .retry_after_s = failure.retry_after_s};
  switch (failure.kind) {
    case Kind::Input:
      out.exit_code = ExitCode::Usage;
      break;
    case Kind::NotFound:
      out.exit_code = ExitCode::NotFound;
      break;
    case Kind::Conflict:
      out.exit_code = ExitCode::Conflict;
      break;
    case Kind::Refused:
      out.exit_code = ExitCode::Refused;
      break;
    case Kind::Throttled:
      out.exit_code = ExitCode::Throttled;
      break;
    case Kind::Failed:
      break;
  }
  return out;
}

Session::Session()
    : random_((std::uint64_t{std::random_device{}()} << 32U) ^ std::random_device{}()) {}

Result<std::unique_ptr<Session>, Problem> Session::open(const Context& context) {
  Source source{.name = "AZURE_IOTHUB_CONNECTIONSTRING",
                .hub = variable("AZURE_IOTHUB_CONNECTIONSTRING"),
                .storage = variable("AZURE_STORAGE_CONNECTIONSTRING"),
                .dps = variable("AZURE_DPS_CONNECTIONSTRING"),
                .device_host = {},
                .ca_file = {}};
  if (!context.profile_path.empty() || source.hub.empty()) {
    const std::string path =
        context.profile_path.empty() ? profile::default_path() : context.profile_path;
    const auto profile = profile::read(path);
    if (!profile) {
      return Problem{
          .exit_code = ExitCode::Failed, .code = "profile_unreadable", .message = profile.error()};
    }
    source = {.name = "profile " + path,
              .hub = profile->iothub_connection_string,
              .storage = profile->storage_connection_string,
              .dps = profile->dps_connection_string,
              // One listener of the local hub serves DPS and devices; in Azure they are two hosts.
              .device_host = profile->kind == profile::Kind::Local ? profile->dps_host : "",
              .ca_file = profile->ca_file};
  }
  if (!context.ca_file.empty()) source.ca_file = context.ca_file;
  std::unique_ptr<Session> session(new Session());
  if (auto problem = session->connect(source)) return std::move(*problem);
  return session;
}

std::optional<Problem> Session::connect(const Source& source) {
  ca_file_ = source.ca_file;
  const auto unusable = [&source](const std::string& why) {
    return usage("connection_string_invalid", source.name + ": " + why);
  };
  auto hub = contract::parse_hub_connection(source.hub);
  if (!hub) return unusable(hub.error());
  device_host_ = source.device_host.empty() ? hub->host_name : source.device_host;
  hub_.emplace(*hub, setup());
  if (!source.storage.empty()) {
    const auto storage = contract::parse_storage_connection(source.storage);
    if (!storage) return unusable(storage.error());
    blobs_.emplace(*storage, setup());
  }
  if (!source.dps.empty()) {
    const auto dps = contract::parse_hub_connection(source.dps);
    if (!dps) return unusable(dps.error());
    dps_.emplace(*dps, setup());
  }
  return std::nullopt;
}

rest::ClientSetup Session::setup() {
  return {.http = {.ca_file = ca_file_}, .now = clock(), .pause = pause_, .random = random_};
}

rest::WallClock Session::clock() const {
  return [] {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return contract::UnixSeconds{std::chrono::duration_cast<std::chrono::seconds>(now).count()};
  };
}

Result<rest::BlobClient*, Problem> Session::blobs() {
  if (blobs_) return &*blobs_;
  return usage("storage_unknown",
               "nothing says where the storage account is; set AZURE_STORAGE_CONNECTIONSTRING as "
               "well, or use a profile that names it");
}

Result<rest::DpsClient*, Problem> Session::dps() {
  if (dps_) return &*dps_;
  return usage("dps_unknown",
               "nothing says where the Device Provisioning Service is; set "
               "AZURE_DPS_CONNECTIONSTRING, or use a profile that names it");
}

ExitCode with_session(const Context& context, const std::function<ExitCode(Session&)>& work) {
  const auto session = Session::open(context);
  return session ? work(**session) : report(context, session.error());
}

}  // namespace ota::cli
