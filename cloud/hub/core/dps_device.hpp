#pragma once

// The device side of DPS, whatever the protocol: the same bodies over MQTT and HTTPS.
// Source: "Communicate with DPS using the MQTT protocol"; DPS Runtime Registration REST.

#include <string>
#include <string_view>

#include "cloud/hub/core/hub.hpp"

namespace ota::hub {

Answer register_device(Hub& hub, std::string_view id_scope, const std::string& registration_id,
                       const Credentials& credentials, std::string_view body);
Answer registration_status(const Hub& hub, const std::string& registration_id,
                           std::string_view operation_id);

/// PUT {idScope}/registrations/{id}/register, GET .../operations/{operationId}, POST ...{id}.
/// Nothing if the path is none of DPS's. With a token only: requests do not say which certificate
/// the client showed.
std::optional<HttpResponse> handle_device_registration(Hub& hub, const HttpRequest& request);

}  // namespace ota::hub
