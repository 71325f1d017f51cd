#pragma once

// The use case behind `mcu-ota deploy`: publish an image and offer it to one product and group.

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

enum class Mode { Real, Dry };

struct DeployRequest {
  std::uint32_t version = 0;
  std::string product = {};
  std::string group = {};
  std::string container = kDefaultContainer;
  std::uint32_t token_days = kTokenDaysDefault;
  std::string mcu_version = {};  // empty: the decimal version
  Mode mode = Mode::Real;
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

/// Publishes the image and creates the configuration. Running it again finds everything there.
/// @errors Input, Conflict (version not newer, other content, somebody else at the same moment),
///         Refused, Throttled, Failed
Outcome<DeployResult> deploy(const Cloud& cloud, const DeployRequest& request,
                             const ImageFile& image, DeployObserver& observer);

/// The first thing that is wrong with a request; deploy() asks the same.
Outcome<Ok> check_request(const DeployRequest& request);

}  // namespace ota::rollout
