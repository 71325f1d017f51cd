#pragma once

// The clients of one command, built from the profile or, for Azure, from the environment.

#include <functional>
#include <memory>
#include <optional>

#include "base/random.hpp"
#include "cli/output.hpp"
#include "cli/patient_pause.hpp"
#include "cloud/profile/profile.hpp"
#include "cloud/rest/blob_client.hpp"
#include "cloud/rest/dps_client.hpp"
#include "cloud/rest/hub_client.hpp"
#include "cloud/rollout/failure.hpp"

namespace ota::cli {

/// The number and words that a use case's failure has on the command line.
Problem problem_of(const rollout::Failure& failure);

/// The time of this machine, and a number for what needs chance.
rest::WallClock wall_clock();
std::uint64_t random_seed();

class Session {
 public:
  /// What the hub is, as far as the profile says; without a profile it is Azure's.
  struct Edition {
    profile::Kind kind = profile::Kind::Azure;
    std::string tier = {};  // empty: not said
    std::uint32_t units = 1;
  };

  /// An explicit --profile holds; else AZURE_IOTHUB_CONNECTIONSTRING and
  /// AZURE_STORAGE_CONNECTIONSTRING (and AZURE_DPS_CONNECTIONSTRING); else the default profile.
  static Result<std::unique_ptr<Session>, Problem> open(const Context& context);

  rest::HubClient& hub() { return *hub_; }
  /// For who looks again and again: does not try a request twice, and does not wait long for one.
  std::unique_ptr<rest::HubClient> hub_to_follow();
  /// @errors Usage: nothing says where the storage (or the DPS) is
  Result<rest::BlobClient*, Problem> blobs();
  Result<rest::DpsClient*, Problem> dps();

  /// The HostName that devices use: behind the local hub it has a port of its own.
  const std::string& device_host() const { return device_host_; }
  rest::WallClock clock() const;
  const Edition& edition() const { return edition_; }

 private:
  Session();
  /// @param name  of where the settings came from, for messages
  std::optional<Problem> connect(const profile::Profile& settings, const std::string& name);
  rest::ClientSetup setup();

  PatientPause pause_;
  SplitMix64 random_;
  std::string ca_file_;
  std::string device_host_;
  Edition edition_;
  std::optional<contract::HubConnection> hub_connection_;
  std::optional<rest::HubClient> hub_;
  std::optional<rest::BlobClient> blobs_;
  std::optional<rest::DpsClient> dps_;
};

/// Does `work` with a new session, or reports why there is none.
ExitCode with_session(const Context& context, const std::function<ExitCode(Session&)>& work);

}  // namespace ota::cli
