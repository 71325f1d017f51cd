#pragma once

// The use case behind `mcu-ota deploy`: publish an image and offer it to one product and group.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/rest/blob_client.hpp"
#include "cloud/rest/hub_client.hpp"
#include "cloud/rollout/failure.hpp"
#include "cloud/rollout/image_file.hpp"
#include "cloud/rollout/release.hpp"

namespace ota::rollout {

inline constexpr const char* kDefaultContainer = "firmware";
inline constexpr std::uint32_t kTokenDaysDefault = 30;
inline constexpr std::uint32_t kTokenDaysMax = 3650;
inline constexpr contract::UnixSeconds kSecondsPerDay = 86'400;
/// A token starts in the past, because device clocks are not exact.
inline constexpr contract::UnixSeconds kTokenHeadStartSeconds = 5 * 60;

enum class Mode { Real, Dry };

struct DeployRequest {
  std::uint32_t version = 0;
  std::string product = {};
  std::string group = {};
  std::string container = kDefaultContainer;
  std::uint32_t token_days = kTokenDaysDefault;
  std::string mcu_version = {};  // empty: the decimal version
  Mode mode = Mode::Real;
  std::uint32_t last_good = 0;  // see Release; 0: what the hub counts
  /// Done when the image is published and nothing is offered yet; a failure ends the deployment.
  std::function<Outcome<Ok>()> before_offer = {};
};

/// Follows a deployment; the calls come from several threads, one at a time.
class DeployObserver {
 public:
  virtual void uploading(std::uint64_t done_bytes, std::uint64_t total_bytes) = 0;

 protected:
  ~DeployObserver() = default;
};

struct DeployResult {
  enum class What { Created, AlreadyThere, Planned } what = What::Created;
  std::string configuration_id = {};
  std::string target_condition = {};
  std::string url = {};  // of the blob, without token
  std::string sha256 = {};
  std::uint64_t size_bytes = 0;
  bool blob_was_there = false;
  RolloutState state = RolloutState::Active;  // of a release that is already there
  std::uint32_t revision = 1;
  contract::UnixSeconds token_expires = 0;  // 0: unknown
  std::vector<std::string> removed = {};    // configurations that were superseded
  std::vector<std::string> warnings = {};   // sentences; the deployment itself stands
};

/// The clients that a use case talks through; they must outlive it.
struct Cloud {
  rest::HubClient& hub;
  rest::BlobClient& blobs;
  rest::WallClock now;
};

/// Publishes the image and creates the configuration. Running it again finds everything there. A
/// version that was aborted is offered again as its next revision, which devices take as new work.
/// @errors Input, Conflict (version not newer, other content, somebody else at the same moment),
///         Refused, Throttled, Failed
Outcome<DeployResult> deploy(const Cloud& cloud, const DeployRequest& request,
                             const ImageFile& image, DeployObserver& observer);

/// Where the blob of a release is in the account that is given.
/// @errors Input: it is in another account
Outcome<rest::BlobPlace> find_place(const rest::BlobClient& blobs, std::string_view url);

/// @errors Input: a token cannot be that short or long
Outcome<Ok> check_token_days(std::uint32_t days);

/// The first thing that is wrong with a request; deploy() asks the same.
Outcome<Ok> check_request(const DeployRequest& request);

}  // namespace ota::rollout
