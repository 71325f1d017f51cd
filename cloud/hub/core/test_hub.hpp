#pragma once

// A hub in a temporary directory with a clock that the test sets, and a device that records what it
// is told.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/encoding.hpp"
#include "cloud/hub/core/core.hpp"

namespace ota::hub {

class RecordingLink final : public DeviceLink {
 public:
  void desired_patch(std::uint64_t version, std::string_view json) override {
    versions.push_back(version);
    patches.emplace_back(json);
  }
  bool method_request(const contract::MethodRequest& request, std::string_view payload) override {
    if (!listens_for_methods) return false;
    methods.push_back(request);
    payloads.emplace_back(payload);
    return true;
  }
  Delivery deliver(const DeviceboundMessage& message) override {
    if (delivery == Delivery::Sent || delivery == Delivery::Done) messages.push_back(message);
    return delivery;
  }
  void close(std::string_view reason) override { closed = reason; }

  std::vector<std::uint64_t> versions;
  std::vector<std::string> patches;
  bool listens_for_methods = true;
  std::vector<contract::MethodRequest> methods;
  std::vector<std::string> payloads;  // of the methods
  Delivery delivery = Delivery::NotListening;
  std::vector<DeviceboundMessage> messages;
  std::string closed;
};

class HubTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "hub_core_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    open();
  }
  void TearDown() override {
    core_.reset();
    std::filesystem::remove_all(folder_);
  }

  void open() {
    core_.reset();
    auto opened = Core::open({.state_directory = (folder_ / "state").string(),
                              .host_names = {"hub.local", "127.0.0.1"},
                              .mqtt_port = 18883,
                              .https_port = 18443,
                              .now = [this] { return now_; },
                              .tier = tier_,
                              .evaluate_every_s = evaluate_every_s_});
    ASSERT_TRUE(opened) << opened.error();
    core_ = std::move(opened).value();
  }

  static std::vector<std::byte> key_of(const std::string& base64) {
    return from_base64(base64).value();
  }

  std::string service_token() const {
    return contract::make_hub_sas(core_->access().hub_host, key_of(core_->access().iothubowner_key),
                                  now_ + 3600, "iothubowner");
  }

  HttpResponse call(const std::string& method, const std::string& path,
                    const std::string& body = {},
                    const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    HttpRequest request{.method = method,
                        .path = path,
                        .query = "api-version=2021-04-12",
                        .headers = {},
                        .body = body,
                        .peer_address = "127.0.0.1"};
    request.headers.add("Authorization", service_token());
    for (const auto& [name, value] : headers) request.headers.add(name, value);
    const auto response = core_->handle(request);
    EXPECT_TRUE(response) << path;
    return response.value_or(HttpResponse{.status = 0, .headers = {}, .body = {}});
  }

  /// Each change is committed at once here.
  Answer patch_reported(const std::string& device_id, std::string_view json,
                        std::optional<std::uint64_t> if_version) {
    std::optional<Answer> given;
    core_->patch_reported(device_id, json, if_version,
                          [&given](const Answer& answer) { given = answer; });
    EXPECT_TRUE(given);
    return given.value_or(Answer{});
  }

  Result<Login, LoginRefusal> login(const std::string& device_id, const std::string& password,
                                    const ClientCertificate* certificate = nullptr,
                                    const std::string& host = "hub.local") {
    return core_->login({.host = host, .device_id = device_id, .module_id = {}, .model_id = {}},
                        {.client_id = device_id, .password = password, .certificate = certificate});
  }

  std::filesystem::path folder_;
  Tier tier_ = Tier::None;
  std::uint32_t evaluate_every_s_ = 0;
  contract::UnixSeconds now_ = 1'800'000'000;
  std::unique_ptr<Core> core_;
};

}  // namespace ota::hub
