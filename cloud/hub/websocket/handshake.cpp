#include "cloud/hub/websocket/handshake.hpp"

#include <openssl/evp.h>

#include <array>
#include <utility>

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "cloud/hub/websocket/session.hpp"

namespace ota::hub::websocket {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // section 1.3
constexpr std::string_view kVersion = "13";
constexpr std::size_t kKeyBytes = 16;

/// Whether a field, on one line or several, lists the token.
bool lists(const HttpHeaders& headers, std::string_view field, std::string_view token) {
  for (const auto& [name, value] : headers.all()) {
    if (!equal_ignoring_case(name, field)) continue;
    for (std::string_view rest = value; !rest.empty();) {
      const std::size_t comma = rest.find(',');
      if (equal_ignoring_case(trimmed(rest.substr(0, comma)), token)) return true;
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  return false;
}

Reply refusal(int status, std::string_view why) {
  Reply reply;
  reply.status = status;
  reply.headers.add("Content-Type", "text/plain; charset=utf-8");
  reply.body = std::string(why) + "\n";
  return reply;
}

Reply upgrade_required() {
  Reply reply = refusal(426, "this path speaks WebSocket, version 13");
  reply.headers.add("Upgrade", "websocket");
  reply.headers.add("Connection", "Upgrade");
  reply.headers.add("Sec-WebSocket-Version", std::string(kVersion));
  return reply;
}

bool has_body(const RequestHead& head) {
  return head.content_length.value_or(0) > 0 || head.headers.find("Transfer-Encoding");
}

}  // namespace

std::string accept_key(std::string_view key) {
  const std::string text = std::string(key) + std::string(kGuid);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  return to_base64(std::as_bytes(std::span(digest).first(size)));
}

Reply answer_upgrade(const RequestHead& head, std::string_view sub_protocol,
                     std::function<std::unique_ptr<ByteProtocol>(Instant)> make_inner) {
  const auto version = head.headers.find("Sec-WebSocket-Version");
  if (head.http_version < 11 || !lists(head.headers, "Upgrade", "websocket") ||
      !lists(head.headers, "Connection", "Upgrade") || !version || trimmed(*version) != kVersion) {
    return upgrade_required();
  }
  if (head.method != "GET" || has_body(head))
    return refusal(400, "a WebSocket begins with a GET request without a body");
  const std::string_view key = trimmed(head.headers.find("Sec-WebSocket-Key").value_or(""));
  const auto nonce = from_base64(key);
  if (!nonce || nonce->size() != kKeyBytes)
    return refusal(400, "Sec-WebSocket-Key is not the base64 text of 16 bytes");
  if (!lists(head.headers, "Sec-WebSocket-Protocol", sub_protocol)) {
    return refusal(400, "only the WebSocket sub-protocol '" + std::string(sub_protocol) +
                            "' is spoken here; name it in Sec-WebSocket-Protocol");
  }
  Reply reply;
  reply.status = 101;
  reply.headers.add("Upgrade", "websocket");
  reply.headers.add("Connection", "Upgrade");
  reply.headers.add("Sec-WebSocket-Accept", accept_key(key));
  reply.headers.add("Sec-WebSocket-Protocol", std::string(sub_protocol));
  reply.switch_to = [make_inner = std::move(make_inner)](Instant now) {
    return std::make_unique<Session>(make_inner(now), now);
  };
  return reply;
}

}  // namespace ota::hub::websocket
