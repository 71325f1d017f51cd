// What IoT Hub sends a device: twins, desired patches, answers to reports, in any order.
// Properties: the session never asks to be woken in the past, what it hands over is a JSON text, it
// publishes only topics that a hub understands, and after a new connection it takes the twin that
// is there.
//
// Input, a step in each line: "twin STATUS BODY" answers the GET in flight, "patch VERSION BODY",
// "stored STATUS" answers the report in flight, "say TOPIC PAYLOAD" is any message, "wait SECONDS",
// "report TEXT", "lost" is a new connection.

#include <spdlog/spdlog.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "contract/azure/topics.hpp"
#include "contract/json/offer_json.hpp"
#include "device/host/net/hub_session.hpp"
#include "fuzz/require.hpp"
#include "fuzz/script.hpp"

namespace {

using namespace ota;
using fuzz::require;

class Conversation {
 public:
  void step(std::string_view command, std::string_view rest) {
    if (command == "twin") {
      const auto status = static_cast<int>(fuzz::number_of(fuzz::take_until(rest, " ")));
      answer(get_, status, rest);
    } else if (command == "stored") {
      answer(report_, static_cast<int>(fuzz::number_of(rest)), {});
    } else if (command == "patch") {
      const std::string_view version = fuzz::take_until(rest, " ");
      receive("$iothub/twin/PATCH/properties/desired/?$version=" + std::string(version), rest);
    } else if (command == "say") {
      const std::string_view topic = fuzz::take_until(rest, " ");
      receive(topic, rest);
    } else if (command == "wait") {
      now_ += std::chrono::seconds(fuzz::number_of(rest) % 100'000);
      session_.tick(now_);
    } else if (command == "report") {
      session_.report({.patch = std::string(rest), .outcome_number = ++outcome_});
      session_.tick(now_);
    } else if (command == "lost") {
      session_.disconnected();
      session_.subscribed(now_);
    }
    look();
  }

  void receive(std::string_view topic, std::string_view payload) {
    session_.received(topic, payload, now_);
  }

  void end_with_a_good_twin() {
    step("lost", {});
    answer(get_, 200, R"({"desired":{"extFwInfo":{"version":7},"$version":3},"reported":{}})");
    step("wait", "3");
    require(wish_ == net::Wish{R"({"version":7})"});
  }

 private:
  void answer(const std::string& request_id, int status, std::string_view body) {
    receive(contract::twin_response_topic(
                {.status = status, .request_id = request_id, .version = std::nullopt}),
            body);
    look();
  }

  void look() {
    if (const auto deadline = session_.deadline()) require(*deadline > now_);
    const auto publishes = session_.take_publishes();
    require(publishes.size() <= 4);
    for (const net::Publish& publish : publishes) {
      const auto meaning = contract::parse_device_message(publish.topic);
      require(meaning.has_value());
      if (const auto* get = std::get_if<contract::TwinGetRequest>(&*meaning)) {
        get_ = get->request_id;
      } else {
        report_ = std::get<contract::ReportedPatchRequest>(*meaning).request_id;
      }
    }
    if (auto wish = session_.take_wish()) {
      wish_ = std::move(*wish);
      if (wish_.offer) {
        require(nlohmann::json::accept(*wish_.offer));
        (void)contract::parse_offer(*wish_.offer);
      }
    }
    for (const std::uint32_t number : session_.take_acknowledged()) require(number <= outcome_);
  }

  SplitMix64 random_{1};
  net::HubSession session_{"dev-1", random_};
  Instant now_{};
  std::string get_;     // request id
  std::string report_;  // request id
  std::uint32_t outcome_ = 0;
  net::Wish wish_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spdlog::set_level(spdlog::level::off);
  Conversation conversation;
  conversation.step("lost", {});
  fuzz::play(text_of(std::as_bytes(std::span(data, size))), 64,
             [&](auto command, auto rest) { conversation.step(command, rest); });
  conversation.end_with_a_good_twin();
  return 0;
}
