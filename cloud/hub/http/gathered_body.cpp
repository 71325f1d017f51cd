#include "cloud/hub/http/gathered_body.hpp"

#include <utility>

namespace ota::hub {
namespace {

Reply too_large(std::size_t bytes_max) {
  Reply reply;
  reply.status = 413;
  reply.headers.add("Content-Type", "application/json; charset=utf-8");
  reply.body = R"({"Message":"ErrorCode:RequestEntityTooLarge;the body is larger than )" +
               std::to_string(bytes_max) + R"( bytes"})";
  return reply;
}

class GatheredBody final : public Exchange {
 public:
  GatheredBody(HttpRequest request, std::size_t bytes_max, std::function<Reply(HttpRequest)> handle)
      : request_(std::move(request)), bytes_max_(bytes_max), handle_(std::move(handle)) {}

  Result<Ok, Reply> take(Bytes piece) override {
    if (request_.body.size() + piece.size() > bytes_max_) return too_large(bytes_max_);
    request_.body += text_of(piece);
    return Ok{};
  }
  Reply finish() override { return handle_(std::move(request_)); }

 private:
  HttpRequest request_;
  std::size_t bytes_max_;
  std::function<Reply(HttpRequest)> handle_;
};

}  // namespace

Reply to_reply(HttpResponse response) {
  return {.status = response.status,
          .headers = std::move(response.headers),
          .body = std::move(response.body),
          .live = std::move(response.live),
          .later = std::move(response.later)};
}

Begun gather_body(RequestHead head, std::size_t bytes_max,
                  std::function<Reply(HttpRequest)> handle) {
  if (head.content_length.value_or(0) > bytes_max) return too_large(bytes_max);
  HttpRequest request{std::move(head.method),
                      std::move(head.path),
                      std::move(head.query),
                      std::move(head.headers),
                      {},
                      std::move(head.peer_address)};
  return std::make_unique<GatheredBody>(std::move(request), bytes_max, std::move(handle));
}

}  // namespace ota::hub
