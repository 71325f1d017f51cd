// Requests to the hub's HTTPS listener, split at a place that the input chooses: answers do not
// depend on the cut, whether they are given at once or later.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "cloud/hub/http/gathered_body.hpp"
#include "cloud/hub/http/http_session.hpp"

namespace {

using namespace ota;

class Echo final : public hub::HttpService {
 public:
  hub::Begun begin(hub::RequestHead head) override {
    return hub::gather_body(std::move(head), 1000, [](const hub::HttpRequest& request) {
      hub::Reply reply;
      reply.headers.add("x-path", request.path);
      reply.body = request.method + " " + request.query + " " + request.body;
      if (!request.path.starts_with("/later")) return reply;
      hub::Reply awaited;
      awaited.later = std::make_shared<hub::LaterAnswer>();
      awaited.later->give({.status = reply.status, .headers = reply.headers, .body = reply.body});
      return awaited;
    });
  }
};

std::string answers(std::string_view first, std::string_view second) {
  Echo service;
  const std::function<std::int64_t()> wall_clock = [] { return std::int64_t{0}; };
  hub::HttpSession session(service, {"peer", nullptr}, wall_clock, Instant{});
  std::string out;
  for (const std::string_view piece : {first, second}) {
    session.feed(bytes_of(piece), Instant{});
    for (Bytes output = session.output(); !output.empty(); output = session.output()) {
      out += text_of(output);
      session.sent(output.size(), Instant{});
    }
  }
  return out + (session.closing() ? " closed" : " open");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = text_of(std::as_bytes(std::span(data + 1, size - 1)));
  const std::size_t cut = bytes.empty() ? 0 : data[0] % bytes.size();
  const std::string whole = answers(bytes, {});
  // "100 Continue" is sent only to a client that waits with its body, so there the cut may show.
  const std::string parts = answers(bytes.substr(0, cut), bytes.substr(cut));
  // The parser may want more bytes before it names a mistake; until then nothing is answered.
  if (parts.ends_with(" open") && whole.starts_with(parts.substr(0, parts.size() - 5))) return 0;
  if (whole != parts && parts.find("100 Continue") == std::string::npos) std::abort();
  return 0;
}
