// MQTT topics and user names: what is understood can be written again with the same meaning.

#include <cstdint>
#include <cstdlib>

#include "base/bytes.hpp"
#include "contract/azure/topics.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ota;
  const std::string_view text = text_of(std::as_bytes(std::span(data, size)));
  (void)contract::parse_device_message(text);
  (void)contract::parse_hub_user_name(text);
  (void)contract::parse_dps_user_name(text);
  if (const auto response = contract::parse_twin_response(text)) {
    const auto again = contract::parse_twin_response(contract::twin_response_topic(*response));
    if (!again || again->status != response->status || again->request_id != response->request_id)
      std::abort();
  }
  if (const auto patch = contract::parse_desired_patch(text)) {
    if (contract::parse_desired_patch(contract::desired_patch_topic(patch->version))->version !=
        patch->version)
      std::abort();
  }
  if (const auto request = contract::parse_method_request(text)) {
    const auto again = contract::parse_method_request(contract::method_request_topic(*request));
    if (!again || again->method != request->method) std::abort();
  }
  (void)contract::parse_dps_response(text);
  return 0;
}
