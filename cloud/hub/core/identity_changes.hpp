#pragma once

// Changes of identities with all that follows from them: twins, configurations, open connections.
// To be called within a transaction.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cloud/hub/core/hub.hpp"

namespace ota::hub {

/// Errors: AlreadyExists, ArgumentInvalid, QuotaExceeded.
Outcome<Device> create_device(Hub& hub, const std::string& id, const nlohmann::json& body,
                              Notices& notices);

/// Errors: NotFound, PreconditionFailed, ArgumentInvalid.
Outcome<Device> update_device(Hub& hub, const std::string& id, const nlohmann::json& body,
                              std::optional<std::string_view> if_match, Notices& notices);

/// Errors: NotFound, PreconditionFailed.
Outcome<Ok> delete_device(Hub& hub, const std::string& id, std::optional<std::string_view> if_match,
                          Notices& notices);

}  // namespace ota::hub
