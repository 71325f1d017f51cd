#pragma once

// One HTTP request and its answer, without sockets and without a web library. Bodies pass in pieces
// in both directions, so that a firmware image never lies in memory as a whole.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "cloud/hub/core/http_message.hpp"
#include "cloud/hub/stream/byte_protocol.hpp"

namespace ota::hub {

struct ClientCertificate;

/// Who is on the other end.
struct HttpPeer {
  std::string address;
  std::shared_ptr<const ClientCertificate> certificate;  // shown in the TLS handshake, or null
};

struct RequestHead {
  std::string method;  // upper case
  std::string path;    // as sent, percent-encoded, without query
  std::string query;   // as sent, without '?'
  HttpHeaders headers;
  std::string peer_address;
  bool encrypted = true;  // came over TLS
  std::shared_ptr<const ClientCertificate> peer_certificate = {};
  unsigned http_version = 11;  // 10 and before: HTTP/1.0
  std::optional<std::uint64_t> content_length;
};

/// The body of an answer that is too large for memory.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual std::uint64_t size() const = 0;
  /// The next bytes, at least one before size() have been read. An error ends the connection.
  virtual Result<std::size_t, std::string> read(MutableBytes into) = 0;
};

struct Reply {
  int status = 200;
  HttpHeaders headers;
  std::string body;
  std::unique_ptr<BodySource> stream = {};  // instead of body
  std::shared_ptr<LiveBody> live = {};      // instead of body
  std::shared_ptr<LaterAnswer> later = {};  // the answer is still to come; nothing above counts
  bool later_for_sure = false;              // it comes soon, so that a hub that stops waits for it
  /// With 101: makes what speaks on the connection after this answer.
  std::function<std::unique_ptr<ByteProtocol>(Instant)> switch_to = {};
};

/// A request whose body is still coming.
class Exchange {
 public:
  virtual ~Exchange() = default;
  /// A piece of the body. An error is the answer at once; the rest of the body is not wanted any
  /// more.
  virtual Result<Ok, Reply> take(Bytes piece) = 0;
  /// The body is complete.
  virtual Reply finish() = 0;
};

/// An answer from the head alone, or someone who takes the body.
using Begun = std::variant<Reply, std::unique_ptr<Exchange>>;

/// An answer that begins, for figures.
struct Served {
  std::uint8_t route = 0;  // what route_of said; 0 for what is no request
  int status = 0;
  std::uint64_t bytes_in = 0;   // of the body
  std::uint64_t bytes_out = 0;  // of the body, as announced
};

class HttpService {
 public:
  virtual Begun begin(RequestHead head) = 0;
  virtual std::uint8_t route_of(std::string_view) const { return 0; }
  virtual void answered(const Served&) {}

 protected:
  ~HttpService() = default;
};

}  // namespace ota::hub
