#pragma once

// How an HTTP connection becomes a WebSocket (RFC 6455, section 4.2).

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cloud/hub/http/exchange.hpp"

namespace ota::hub::websocket {

/// What belongs into Sec-WebSocket-Accept (section 4.2.2).
std::string accept_key(std::string_view key);

/// 101 and the protocol that `make_inner` makes inside a WebSocket, or an answer that says what is
/// missing.
Reply answer_upgrade(const RequestHead& head, std::string_view sub_protocol,
                     std::function<std::unique_ptr<ByteProtocol>(Instant)> make_inner);

}  // namespace ota::hub::websocket
