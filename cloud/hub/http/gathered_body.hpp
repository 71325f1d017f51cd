#pragma once

// For handlers that want their request whole.

#include <functional>
#include <memory>

#include "cloud/hub/http/exchange.hpp"

namespace ota::hub {

Reply to_reply(HttpResponse response);

/// Collects the body up to `bytes_max` (413 beyond), then asks `handle` once.
Begun gather_body(RequestHead head, std::size_t bytes_max,
                  std::function<Reply(HttpRequest)> handle);

}  // namespace ota::hub
