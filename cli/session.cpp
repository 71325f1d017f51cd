#include "cli/session.hpp"

#include <chrono>
#include <random>

#include "cli/source.hpp"

namespace ota::cli {
namespace {

Problem usage(std::string code, std::string message) {
  return {.exit_code = ExitCode::Usage, .code = std::move(code), .message = std::move(message)};
}

}  // namespace

Problem problem_of(const rollout::Failure& failure) {
  using Kind = rollout::Failure::Kind;
  Problem out{.exit_code = ExitCode::Failed,
              .code = failure.code,
              .message = failure.message,
              .retry_after_s = failure.retry_after_s,
              .request_id = failure.request_id};
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

rest::WallClock wall_clock() {
  return [] {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return contract::UnixSeconds{std::chrono::duration_cast<std::chrono::seconds>(now).count()};
  };
}

std::uint64_t random_seed() {
  return (std::uint64_t{std::random_device{}()} << 32U) ^ std::random_device{}();
}

Session::Session() : random_(random_seed()) {}

Result<std::unique_ptr<Session>, Problem> Session::open(const Context& context) {
  const std::string path = profile_path_of(context);
  auto settings = path.empty() ? Result<profile::Profile, std::string>(environment_profile())
                               : profile::read(path);
  if (!settings) {
    return Problem{
        .exit_code = ExitCode::Failed, .code = "profile_unreadable", .message = settings.error()};
  }
  if (!context.ca_file.empty()) settings->ca_file = context.ca_file;
  std::unique_ptr<Session> session(new Session());
  if (auto problem = session->connect(
          *settings, path.empty() ? "AZURE_IOTHUB_CONNECTIONSTRING" : "profile " + path)) {
    return std::move(*problem);
  }
  return session;
}

std::optional<Problem> Session::connect(const profile::Profile& settings, const std::string& name) {
  ca_file_ = settings.ca_file;
  edition_ = {.kind = settings.kind, .tier = settings.tier, .units = settings.units};
  const auto unusable = [&name](const std::string& why) {
    return usage("connection_string_invalid", name + ": " + why);
  };
  auto hub = contract::parse_hub_connection(settings.iothub_connection_string);
  if (!hub) return unusable(hub.error());
  // One listener of the local hub serves DPS and devices; in Azure they are two hosts.
  const bool local = settings.kind == profile::Kind::Local;
  device_host_ = local && !settings.dps_host.empty() ? settings.dps_host : hub->host_name;
  hub_connection_ = *hub;
  hub_.emplace(*hub, setup());
  if (!settings.storage_connection_string.empty()) {
    const auto storage = contract::parse_storage_connection(settings.storage_connection_string);
    if (!storage) return unusable(storage.error());
    blobs_.emplace(*storage, setup());
  }
  if (!settings.dps_connection_string.empty()) {
    const auto dps = contract::parse_hub_connection(settings.dps_connection_string);
    if (!dps) return unusable(dps.error());
    dps_.emplace(*dps, setup());
  }
  return std::nullopt;
}

rest::ClientSetup Session::setup() {
  return {.http = {.ca_file = ca_file_}, .now = clock(), .pause = pause_, .random = random_};
}

std::unique_ptr<rest::HubClient> Session::hub_to_follow() {
  rest::ClientSetup impatient = setup();
  impatient.http.total_timeout_s = 60;
  impatient.http.stalled_timeout_s = 15;
  impatient.retry.tries_max = 1;
  return std::make_unique<rest::HubClient>(*hub_connection_, std::move(impatient));
}

rest::WallClock Session::clock() const { return wall_clock(); }

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
