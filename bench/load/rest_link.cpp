#include "bench/load/rest_link.hpp"

#include <charconv>
#include <chrono>
#include <utility>

#include "contract/azure/sas.hpp"

namespace ota::bench {
namespace {

std::string owner_token(const Target& target) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  return contract::make_hub_sas(target.hub_name, bytes_of(target.owner_key), now.count() + 3600,
                                "iothubowner");
}

std::size_t number_after(std::string_view text, std::string_view name) {
  const auto at = text.find(name);
  std::size_t number = 0;
  if (at != std::string_view::npos) {
    const char* begin = text.data() + at + name.size();
    std::from_chars(begin, text.data() + text.size(), number);
  }
  return number;
}

}  // namespace

RestLink::RestLink(boost::asio::io_context& loop, SSL_CTX* context, const Target& target)
    : host_(target.hub_name),
      authorization_(owner_token(target)),
      link_(std::make_shared<TlsLink>(
          loop, context,
          TlsLink::Events{[] {}, [this](std::string_view bytes) { received(bytes); },
                          [this](const std::string&) {
                            ended_ = true;
                            answer(0);
                          }})) {
  link_->open(target.https);
}

void RestLink::ask(const Request& request, Answered answered) {
  answered_ = std::move(answered);
  std::string text(request.method);
  text += " /" + request.path + "?api-version=2021-04-12 HTTP/1.1\r\nHost: " + host_ +
          "\r\nAuthorization: " + authorization_ +
          "\r\nContent-Type: application/json\r\nContent-Length: " +
          std::to_string(request.body.size()) + "\r\n\r\n" + request.body;
  link_->send(text);
}

void RestLink::received(std::string_view bytes) {
  input_ += bytes;
  const auto end = input_.find("\r\n\r\n");
  if (end == std::string::npos) return;
  const std::string_view head = std::string_view(input_).substr(0, end);
  if (input_.size() < end + 4 + number_after(head, "\r\nContent-Length: ")) return;
  const auto status = static_cast<int>(number_after(head, "HTTP/1.1 "));
  input_.clear();
  answer(status);
}

void RestLink::answer(int status) {
  if (answered_) std::exchange(answered_, nullptr)(status);
}

}  // namespace ota::bench
