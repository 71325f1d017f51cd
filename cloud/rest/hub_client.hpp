#pragma once

// IoT Hub's service REST: configurations, twins, queries and the identity registry. Documents that
// only the caller understands (twins, query rows) are handed over as JSON texts.

#include <string>
#include <string_view>
#include <vector>

#include "cloud/rest/configuration.hpp"
#include "cloud/rest/service_session.hpp"

namespace ota::rest {

/// One JSON document as text.
struct JsonText {
  std::string text = {};
};

/// An identity of the registry. The keys are secrets: never print them.
struct DeviceIdentity {
  std::string id = {};
  std::string status = {};            // enabled, disabled
  std::string connection_state = {};  // Connected, Disconnected
  std::string primary_key = {};       // base64; empty for X.509
};

/// The largest page that IoT Hub gives, and where query_all() stops asking.
inline constexpr int kQueryPageRows = 100;
inline constexpr std::size_t kQueryRowsMax = 100'000;

class HubClient {
 public:
  /// @param base_url  empty: "https://" and the host of the connection string
  HubClient(contract::HubConnection connection, ClientSetup setup, std::string base_url = {});

  ApiResult<std::vector<Configuration>> list_configurations();
  ApiResult<Configuration> get_configuration(std::string_view id);
  /// @errors Conflict: the id exists.
  ApiResult<Ok> create_configuration(const Configuration& configuration);
  /// Writes labels, target condition, priority and metrics; content cannot change.
  ApiResult<Ok> update_configuration(const Configuration& configuration);
  ApiResult<Ok> delete_configuration(std::string_view id);

  /// All rows of a query, page by page.
  /// @errors Protocol: more than `rows_max` rows.
  ApiResult<std::vector<JsonText>> query_all(std::string_view query,
                                             std::size_t rows_max = kQueryRowsMax);

  ApiResult<JsonText> get_twin(std::string_view device_id);
  /// Merges `patch` (tags, properties.desired) into the twin; null deletes.
  ApiResult<JsonText> patch_twin(std::string_view device_id, std::string_view patch);

  ApiResult<DeviceIdentity> get_device(std::string_view device_id);
  /// Creates an enabled identity whose keys the hub makes.
  /// @errors Conflict: the id exists.
  ApiResult<DeviceIdentity> create_device(std::string_view device_id);
  ApiResult<Ok> delete_device(std::string_view device_id);

 private:
  ServiceSession session_;
};

}  // namespace ota::rest
