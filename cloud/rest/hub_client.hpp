#pragma once

// IoT Hub's service REST: configurations, twins, queries and the identity registry. Documents that
// only the caller understands (twins, query rows) are handed over as JSON texts.

#include <functional>
#include <map>
#include <optional>
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
  std::string etag = {};              // of the state that was read
};

/// A cloud-to-device message. Azure takes these over AMQP only; the local hub over HTTPS.
struct DeviceboundMessage {
  std::string device_id = {};
  std::string body = {};
  std::map<std::string, std::string> properties = {};
  std::string expiry = {};  // ISO 8601; empty: the hub's own, one hour
};

struct MethodCall {
  std::string device_id = {};
  std::string name = {};
  std::string payload = "null";  // JSON
  int response_timeout_s = 30;
  int connect_timeout_s = 0;
};

/// Which events of the local hub to follow; empty: all.
struct EventsWanted {
  std::string device_id = {};
  std::string types = {};                  // "telemetry,twin"
  std::optional<std::uint64_t> from = {};  // number of the first one; nothing: those that come
};

/// What a query gives, or the beginning of it.
struct Rows {
  std::vector<JsonText> rows = {};
  bool more = false;  // there are more of them
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
  /// Writes labels, target condition, priority and metrics; content cannot change. Only over the
  /// state whose etag `configuration` carries (none: over any).
  /// @errors Conflict: somebody else changed it meanwhile.
  ApiResult<Ok> update_configuration(const Configuration& configuration);
  /// @param etag  of the state that may go; "*": whatever it is
  /// @errors Conflict: it was changed meanwhile.
  ApiResult<Ok> delete_configuration(std::string_view id, std::string_view etag = "*");

  /// All rows of a query, page by page.
  /// @errors Protocol: more than `rows_max` rows.
  ApiResult<std::vector<JsonText>> query_all(std::string_view query,
                                             std::size_t rows_max = kQueryRowsMax);

  /// The first rows of a query; asks for no more pages than they need.
  ApiResult<Rows> query_some(std::string_view query, std::size_t rows_max);

  ApiResult<JsonText> get_twin(std::string_view device_id);
  /// Merges `patch` (tags, properties.desired) into the twin; null deletes.
  /// @param etag  of the twin that may be changed; "*": whatever it is
  /// @errors Conflict: it was changed meanwhile.
  ApiResult<JsonText> patch_twin(std::string_view device_id, std::string_view patch,
                                 std::string_view etag = "*");

  ApiResult<DeviceIdentity> get_device(std::string_view device_id);
  /// Creates an enabled identity whose keys the hub makes.
  /// @errors Conflict: the id exists.
  ApiResult<DeviceIdentity> create_device(std::string_view device_id);
  /// @param etag  of the identity that may go; "*": whatever it is
  /// @errors Conflict: it was changed meanwhile.
  ApiResult<Ok> delete_device(std::string_view device_id, std::string_view etag = "*");
  /// How many identities the registry holds.
  ApiResult<std::int64_t> count_devices();

  /// @errors NotFound: no such device. Unauthorized: its queue is full.
  ApiResult<Ok> send_message(const DeviceboundMessage& message);
  /// Calls a direct method and waits for the device. Returns {"status":..., "payload":...}.
  /// @errors NotFound: no such device, or it is not connected. Protocol: it did not answer.
  ApiResult<JsonText> call_method(const MethodCall& call);
  /// Hands over one line of JSON for each event, until `on_line` says false or the hub ends.
  ApiResult<Ok> follow_events(const EventsWanted& wanted,
                              const std::function<bool(std::string_view)>& on_line);

 private:
  ServiceSession session_;
};

}  // namespace ota::rest
