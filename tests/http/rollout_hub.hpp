#pragma once

// The service side of a hub for tests of rollouts: its configurations and what queries give are
// variables of the test.

#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <vector>

#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "cloud/rest/hub_client.hpp"
#include "cloud/rollout/release.hpp"
#include "tests/http/pump_release.hpp"
#include "tests/http/recorded_pause.hpp"
#include "tests/http/scripted_server.hpp"

namespace ota::test {

constexpr contract::UnixSeconds kNow = 1'893'456'000;  // 2030-01-01T00:00:00Z

inline rest::Configuration configuration(
    std::uint32_t version, std::uint32_t revision = 1,
    rollout::RolloutState state = rollout::RolloutState::Active) {
  auto made = rollout::make_configuration(pump_release(version, revision));
  if (state != rollout::RolloutState::Active) rollout::set_state(*made, state);
  return std::move(made).value();
}

class RolloutHub : public ::testing::Test {
 protected:
  Response answer_list() const {
    std::string body;
    for (const rest::Configuration& one : configurations) {
      body += (body.empty() ? "" : ",") + rest::encode_configuration(one);
    }
    return {.body = "[" + body + "]"};
  }

  std::vector<std::string> queries() const {
    std::vector<std::string> out;
    for (const Request& request : server.requests()) {
      if (request.path == "/devices/query") out.push_back(request.body);
    }
    return out;
  }

  std::vector<rest::Configuration> configurations = {configuration(8)};
  std::function<Response(const std::string& query)> answer_query = [](const std::string&) {
    return Response{.body = "[]"};
  };
  std::function<Response()> answer_configurations = [this] { return answer_list(); };

  RecordedPause pause;
  SplitMix64 random{1};
  ScriptedServer server{[this](const Request& request) {
    return request.path == "/devices/query" ? answer_query(request.body) : answer_configurations();
  }};
  rest::HubClient hub{{.host_name = "hub",
                       .gateway_host_name = {},
                       .device_id = {},
                       .policy = "owner",
                       .key = *from_base64("AAEC")},
                      {.now = [] { return kNow; }, .pause = pause, .random = random},
                      server.url()};
};

}  // namespace ota::test
