#pragma once

// A hub on free loopback ports in a thread of its own, and programs run against it, for tests.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "cloud/hub/files/scratch_directory.hpp"
#include "cloud/hub/mqtt/fake_core.hpp"
#include "cloud/hub/net/server.hpp"

namespace ota::hub {

struct ProgramResult {
  int exit_code = -1;
  std::string output;  // standard output and error
};

/// Runs a shell command that ends by itself within 30 s.
inline ProgramResult run_program(const std::string& command) {
  ProgramResult result;
  FILE* pipe = ::popen(("timeout 30 " + command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  std::array<char, 4096> piece{};
  for (std::size_t size = 0; (size = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;) {
    result.output.append(piece.data(), size);
  }
  const int status = ::pclose(pipe);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

inline bool has_program(const std::string& name) {
  return run_program("sh -c 'command -v " + name + "'").exit_code == 0;
}

/// A second face of a FakeCore that the test keeps.
class SharedFakeCore final : public Core {
 public:
  explicit SharedFakeCore(std::shared_ptr<FakeCore> core, Settings settings)
      : core_(std::move(core)), settings_(std::move(settings)) {}

  Access access() const override {
    const std::string host = settings_.host_names.front() + ":";
    return {host + std::to_string(settings_.https_port),
            host + std::to_string(settings_.mqtt_port),
            "0ne0",
            "a2V5",
            "a2V5",
            "group",
            "a2V5"};
  }
  Result<Login, LoginRefusal> login(const contract::HubUserName& user,
                                    const Credentials& credentials) override {
    return core_->login(user, credentials);
  }
  void connected(const std::string& id, DeviceLink& link) override { core_->connected(id, link); }
  void disconnected(const std::string& id, DeviceLink& link) override {
    core_->disconnected(id, link);
  }
  void listening(const std::string& id) override { core_->listening(id); }
  void method_answered(const std::string& id, const contract::MethodResponse& response,
                       std::string_view payload) override {
    core_->method_answered(id, response, payload);
  }
  void message_completed(const std::string& id, std::uint64_t sequence) override {
    core_->message_completed(id, sequence);
  }
  bool redeliver(const std::string& id, std::uint64_t sequence) override {
    return core_->redeliver(id, sequence);
  }
  Answer get_twin(const std::string& id) override { return core_->get_twin(id); }
  void patch_reported(const std::string& id, std::string_view json,
                      std::optional<std::uint64_t> version, Answered answered) override {
    core_->patch_reported(id, json, version, std::move(answered));
  }
  void telemetry(const std::string& id, std::string_view properties,
                 std::string_view payload) override {
    core_->telemetry(id, properties, payload);
  }
  Result<Login, LoginRefusal> dps_login(const contract::DpsUserName& user,
                                        const Credentials& credentials) override {
    return core_->dps_login(user, credentials);
  }
  Answer dps_register(const std::string& id, const Credentials& credentials,
                      std::string_view json) override {
    return core_->dps_register(id, credentials, json);
  }
  Answer dps_status(const std::string& id, std::string_view operation) override {
    return core_->dps_status(id, operation);
  }
  std::optional<HttpResponse> handle(const HttpRequest& request) override {
    return core_->handle(request);
  }
  void commit() override { core_->commit(); }
  Result<Ok, std::string> check_state() override { return core_->check_state(); }
  CoreFigures figures() const override { return core_->figures(); }
  void tick() override { core_->tick(); }

 private:
  std::shared_ptr<FakeCore> core_;
  Settings settings_;
};

class RunningHub {
 public:
  explicit RunningHub(std::shared_ptr<FakeCore> fake = std::make_shared<FakeCore>(),
                      const std::function<void(ServerOptions&)>& adjust = {})
      : core(std::move(fake)) {
    ServerOptions options;
    options.state_directory = state_directory();
    options.mqtt_port = 0;
    options.https_port = 0;
    options.profile_file = scratch_.path() + "/profile.toml";
    options.open_core = [this](Settings settings) -> Result<std::unique_ptr<Core>, std::string> {
      return std::unique_ptr<Core>(std::make_unique<SharedFakeCore>(core, std::move(settings)));
    };
    if (adjust) adjust(options);
    auto started = HubServer::start(options);
    EXPECT_TRUE(started) << started.error();
    server_ = std::move(started).value();
    thread_ = std::thread([this] { server_->run(); });
  }
  ~RunningHub() { stop(); }

  void stop() {
    if (!thread_.joinable()) return;
    server_->stop();
    thread_.join();
  }

  const HubServer::Facts& facts() const { return server_->facts(); }
  std::string state_directory() const { return scratch_.path() + "/state"; }
  std::string https(const std::string& path) const {
    return "https://127.0.0.1:" + std::to_string(facts().https_port) + path;
  }
  std::string curl(const std::string& arguments) const {
    return run_program("curl -sS --max-time 20 --cacert " + facts().ca_file + " " + arguments)
        .output;
  }

  std::shared_ptr<FakeCore> core;  // looked at only after stop()

 private:
  ScratchDirectory scratch_;
  std::unique_ptr<HubServer> server_;
  std::thread thread_;
};

}  // namespace ota::hub
