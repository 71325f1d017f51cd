// What DPS answers a device. Properties: the session never asks to be woken in the past, publishes
// one request at a time, whose topic a DPS understands whatever the server called the operation,
// and ends with a hub and a device id, or with a reason.
//
// Input, a step in each line: "answer STATUS RETRY_AFTER BODY" answers the request in flight,
// "say TOPIC PAYLOAD" is any message, "wait SECONDS".

#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "contract/azure/topics.hpp"
#include "device/host/net/dps_session.hpp"
#include "fuzz/require.hpp"
#include "fuzz/script.hpp"

namespace {

using namespace ota;
using fuzz::require;

class Conversation {
 public:
  Conversation() {
    session_.subscribed(now_);
    look();
  }

  void step(std::string_view command, std::string_view rest) {
    if (command == "answer") {
      const auto status = static_cast<int>(fuzz::number_of(fuzz::take_until(rest, " ")));
      const std::uint32_t wait = fuzz::number_of(fuzz::take_until(rest, " "));
      session_.received(contract::dps_response_topic(
                            {.status = status, .request_id = request_id_, .retry_after_s = wait}),
                        rest, now_);
    } else if (command == "say") {
      const std::string_view topic = fuzz::take_until(rest, " ");
      session_.received(topic, rest, now_);
    } else if (command == "wait") {
      now_ += std::chrono::seconds(fuzz::number_of(rest) % 100'000);
      session_.tick(now_);
    }
    look();
  }

 private:
  void look() {
    const auto publishes = session_.take_publishes();
    require(publishes.size() <= 1);
    for (const net::Publish& publish : publishes) note_request(publish);
    const auto& outcome = session_.outcome();
    // Waking up in the past would be a loop that spins.
    require(outcome ? !session_.deadline() : session_.deadline() > now_);
    if (!outcome) return;
    if (*outcome) {
      require(!outcome->value().hub_host.empty() && !outcome->value().device_id.empty());
    } else {
      require(!outcome->error().detail.empty());
    }
  }

  void note_request(const net::Publish& publish) {
    const auto meaning = contract::parse_device_message(publish.topic);
    require(meaning.has_value());
    if (const auto* status = std::get_if<contract::DpsStatusRequest>(&*meaning)) {
      require(!status->operation_id.empty());
      request_id_ = status->request_id;
    } else {
      request_id_ = std::get<contract::DpsRegisterRequest>(*meaning).request_id;
    }
    require(!request_id_.empty());
  }

  Instant now_{};
  net::DpsSession session_{"dev-1"};
  std::string request_id_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Conversation conversation;
  fuzz::play(text_of(std::as_bytes(std::span(data, size))), 64,
             [&](auto command, auto rest) { conversation.step(command, rest); });
  return 0;
}
