#pragma once

// A Core for tests of the endpoints: one device "dev-1" with the password "good", and a diary of
// what was asked.

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "cloud/hub/core/core.hpp"

namespace ota::hub {

class FakeCore final : public Core {
 public:
  Access access() const override { return {}; }

  Result<Login, LoginRefusal> login(const contract::HubUserName& user,
                                    const Credentials& credentials) override {
    diary.push_back("login " + user.device_id);
    if (credentials.certificate != nullptr)
      diary.push_back("certificate " + credentials.certificate->common_name);
    if (credentials.password != "good") return LoginRefusal::NotAuthorized;
    return Login{user.device_id, expires};
  }
  void connected(const std::string& device_id, DeviceLink& link) override {
    diary.push_back("connected " + device_id);
    if (DeviceLink* older = std::exchange(links[device_id], &link); older != nullptr)
      older->close("taken over");
  }
  void disconnected(const std::string& device_id, DeviceLink& link) override {
    diary.push_back("disconnected " + device_id);
    if (const auto found = links.find(device_id); found != links.end() && found->second == &link)
      links.erase(found);
  }
  void listening(const std::string& device_id) override {
    const auto link = links.find(device_id);
    if (link == links.end()) return;
    while (!messages.empty()) {
      const Delivery delivery = link->second->deliver(messages.front());
      if (delivery != Delivery::Sent && delivery != Delivery::Done) return;
      messages.pop_front();
    }
  }
  void method_answered(const std::string& device_id, const contract::MethodResponse& response,
                       std::string_view payload) override {
    diary.push_back("method " + device_id + " " + response.request_id + " " +
                    std::to_string(response.status) + " " + std::string(payload));
  }
  void message_completed(const std::string& device_id, std::uint64_t sequence) override {
    diary.push_back("completed " + device_id + " " + std::to_string(sequence));
  }
  bool redeliver(const std::string&, std::uint64_t sequence) override {
    return sequence != withdrawn;
  }
  Answer get_twin(const std::string&) override {
    return {200, R"({"desired":{"$version":1},"reported":{"$version":1}})", {}, {}};
  }
  void patch_reported(const std::string&, std::string_view json, std::optional<std::uint64_t>,
                      Answered answered) override {
    diary.push_back("reported " + std::string(json));
    waiting.push_back(std::move(answered));
    if (!group) commit();
  }
  void telemetry(const std::string& device_id, std::string_view properties,
                 std::string_view payload) override {
    diary.push_back("telemetry " + device_id + " [" + std::string(properties) + "] " +
                    std::string(payload));
  }
  Result<Login, LoginRefusal> dps_login(const contract::DpsUserName& user,
                                        const Credentials& credentials) override {
    if (credentials.password != "good") return LoginRefusal::NotAuthorized;
    return Login{user.registration_id, expires};
  }
  Answer dps_register(const std::string& registration_id, const Credentials& credentials,
                      std::string_view) override {
    diary.push_back("register " + registration_id + " " + std::string(credentials.password));
    return {202, R"({"operationId":"4.a.b","status":"assigning"})", {}, 3};
  }
  Answer dps_status(const std::string&, std::string_view operation_id) override {
    return {200,
            R"({"operationId":")" + std::string(operation_id) + R"(","status":"assigned"})",
            {},
            {}};
  }
  std::optional<HttpResponse> handle(const HttpRequest& request) override {
    if (!request.path.starts_with("/devices")) return std::nullopt;
    HttpResponse response;
    response.headers.add("Content-Type", "application/json; charset=utf-8");
    response.body = request.method + " " + request.path + "?" + request.query + " " + request.body;
    return response;
  }
  void commit() override {
    for (const Answered& answered : std::exchange(waiting, {})) answered({204, "", 2, {}});
  }
  Result<Ok, std::string> check_state() override {
    if (!state_failure.empty()) return state_failure;
    return Ok{};
  }
  CoreFigures figures() const override { return {.sqlite_steps = 3, .sqlite_s = 0.5}; }
  void tick() override {
    if (!push_each_second) return;
    for (const auto& [device_id, link] : links)
      link->desired_patch(7, R"({"pushed":true,"$version":7})");
  }

  std::optional<contract::UnixSeconds> expires;
  bool push_each_second = false;
  std::string state_failure;
  std::map<std::string, DeviceLink*> links;
  std::deque<DeviceboundMessage> messages;  // delivered as soon as the device listens
  bool group = false;                       // patches wait for commit()
  std::vector<Answered> waiting;            // for a commit
  std::uint64_t withdrawn = 0;              // not delivered again
  std::vector<std::string> diary;
};

}  // namespace ota::hub
