#include "cloud/doctor/service_checks.hpp"

#include <gmock/gmock.h>

#include "base/encoding.hpp"
#include "tests/http/recorded_pause.hpp"
#include "tests/http/scripted_server.hpp"

namespace ota::doctor {
namespace {

using ::testing::HasSubstr;

class ServiceChecks : public ::testing::Test {
 protected:
  rest::ClientSetup setup() {
    return {.now = [] { return 1'893'456'000; }, .pause = pause_, .random = random_};
  }
  static contract::HubConnection connection() {
    return {.host_name = "hub",
            .gateway_host_name = {},
            .device_id = {},
            .policy = "owner",
            .key = *from_base64("AAEC")};
  }
  void hub_round(const profile::Profile& settings = {}) {
    rest::HubClient hub(connection(), setup(), server_.url());
    check_hub(findings_, hub, "owner", settings);
  }
  void dps_round() {
    rest::DpsClient dps(connection(), setup(), server_.url());
    check_dps(findings_, dps, "owner");
  }
  void storage_round(StorageQuestion::Writing writing) {
    rest::BlobClient blobs({.account = "mcuota",
                            .key = *from_base64("AAEC"),
                            .blob_endpoint = server_.url() + "/mcuota"},
                           setup());
    check_storage(findings_, blobs,
                  {.account = "mcuota", .container = "firmware", .writing = writing});
  }
  Finding finding(const std::string& check) const {
    for (const Finding& one : findings_.all()) {
      if (one.check == check) return one;
    }
    ADD_FAILURE() << check << " was not made";
    return {};
  }

  /// Everybody may do everything; nothing that is looked for exists.
  static test::Response generous(const test::Request& request) {
    if (request.path == "/statistics/devices") {
      return {.body = R"({"totalDeviceCount":7,"enabledDeviceCount":7,"disabledDeviceCount":0})"};
    }
    if (request.path == "/configurations") return {.body = R"([{"id":"a"},{"id":"b"}])"};
    return {.status = 404};
  }

  test::RecordedPause pause_;
  SplitMix64 random_{1};
  std::function<test::Response(const test::Request&)> answer_ = generous;
  test::ScriptedServer server_{[this](const test::Request& request) { return answer_(request); }};
  Findings findings_;
};

TEST_F(ServiceChecks, AHubThatLooksForWhatIsNotThereGrantsAllRights) {
  hub_round();
  EXPECT_EQ(findings_.count(Verdict::Ok), 4U);
  EXPECT_THAT(finding("hub.rights").detail, HasSubstr("registryWrite"));
  for (const test::Request& request : server_.requests()) {
    if (request.method == "GET") continue;
    EXPECT_EQ(request.method, "DELETE");
    EXPECT_THAT(request.path, HasSubstr("/devices/mcu-ota-doctor-"));
  }
}

TEST_F(ServiceChecks, ARefusedKeyIsNamedByItsPolicyAndTheRestIsSkipped) {
  answer_ = [](const test::Request&) { return test::Response{.status = 401}; };
  hub_round();
  EXPECT_EQ(finding("hub.key").verdict, Verdict::Failed);
  EXPECT_THAT(finding("hub.key").detail, HasSubstr("the key of policy 'owner' is refused"));
  EXPECT_EQ(findings_.count(Verdict::Skipped), 3U);
}

TEST_F(ServiceChecks, ARefusedKeyUnderAWrongClockSaysToSetTheClock) {
  findings_.failed("clock", "an hour ahead", "set it");
  answer_ = [](const test::Request&) { return test::Response{.status = 401}; };
  hub_round();
  EXPECT_THAT(finding("hub.key").fix, HasSubstr("set this machine's clock first"));
}

TEST_F(ServiceChecks, AMissingRightIsNamedWithWhatFailsWithoutIt) {
  answer_ = [](const test::Request& request) {
    return request.method == "DELETE" ? test::Response{.status = 401} : generous(request);
  };
  hub_round();
  EXPECT_EQ(finding("hub.key").verdict, Verdict::Ok);
  EXPECT_EQ(finding("hub.rights").verdict, Verdict::Failed);
  EXPECT_THAT(finding("hub.rights").detail, HasSubstr("lacks registryWrite"));
  EXPECT_THAT(finding("hub.rights").detail, HasSubstr("device create"));
}

TEST_F(ServiceChecks, AThrottlingHubIsAWarningAndADeadOneAFailure) {
  answer_ = [](const test::Request&) {
    return test::Response{.status = 429, .headers = {{"Retry-After", "1"}}};
  };
  hub_round();
  EXPECT_EQ(finding("hub.key").verdict, Verdict::Warning);
  findings_ = Findings();
  answer_ = [](const test::Request&) { return test::Response{.drop = true}; };
  hub_round();
  EXPECT_EQ(finding("hub.key").verdict, Verdict::Failed);
}

TEST_F(ServiceChecks, QuotasThatAreFullFail) {
  answer_ = [](const test::Request& request) {
    if (request.path == "/statistics/devices") {
      return test::Response{.body = R"({"totalDeviceCount":460})"};
    }
    if (request.path != "/configurations") return generous(request);
    std::string rows;
    for (int i = 0; i < 10; ++i) rows += (i == 0 ? "" : ",") + std::string(R"({"id":"c"})");
    return test::Response{.body = "[" + rows + "]"};
  };
  hub_round({.kind = profile::Kind::Azure, .tier = "F1"});
  EXPECT_EQ(finding("hub.configurations").verdict, Verdict::Failed);
  EXPECT_THAT(finding("hub.configurations").detail, HasSubstr("10 of 10"));
  EXPECT_EQ(finding("hub.devices").verdict, Verdict::Warning);
  EXPECT_THAT(finding("hub.devices").detail, HasSubstr("460 of 500"));
  findings_ = Findings();
  hub_round({.kind = profile::Kind::Azure, .tier = "S1"});
  EXPECT_EQ(finding("hub.configurations").verdict, Verdict::Ok);
}

TEST_F(ServiceChecks, DpsRightsAreTriedWithoutCreatingAnything) {
  dps_round();
  EXPECT_EQ(findings_.count(Verdict::Ok), 2U);
  ASSERT_EQ(server_.requests().size(), 2U);
  EXPECT_EQ(server_.requests()[0].method, "GET");
  EXPECT_EQ(server_.requests()[1].method, "DELETE");
  findings_ = Findings();
  answer_ = [](const test::Request&) { return test::Response{.status = 401}; };
  dps_round();
  EXPECT_EQ(finding("dps.key").verdict, Verdict::Failed);
}

TEST_F(ServiceChecks, AMissingContainerIsNoFailure) {
  answer_ = [](const test::Request&) {
    return test::Response{.status = 404, .headers = {{"x-ms-error-code", "ContainerNotFound"}}};
  };
  storage_round(StorageQuestion::Writing::ProbeBlob);
  EXPECT_EQ(finding("storage.key").verdict, Verdict::Ok);
  EXPECT_THAT(finding("storage.container").detail, HasSubstr("makes it"));
  EXPECT_EQ(finding("storage.write").verdict, Verdict::Skipped);
}

TEST_F(ServiceChecks, EachRefusalOfTheStorageHasItsOwnWords) {
  std::string code;
  answer_ = [&code](const test::Request&) {
    return test::Response{.status = 403, .headers = {{"x-ms-error-code", code}}};
  };
  const auto detail = [&](const char* given) {
    code = given;
    findings_ = Findings();
    storage_round(StorageQuestion::Writing::No);
    EXPECT_EQ(finding("storage.key").verdict, Verdict::Failed);
    return finding("storage.key").detail;
  };
  EXPECT_THAT(detail("AuthenticationFailed"), HasSubstr("the key of account 'mcuota' is refused"));
  EXPECT_THAT(detail("AuthorizationFailure"), HasSubstr("refuses this machine's address"));
  EXPECT_THAT(detail("KeyBasedAuthenticationNotPermitted"), HasSubstr("does not allow access by"));
}

TEST_F(ServiceChecks, AProbeIsWrittenOnlyWhenAskedForAndIsDeletedAgain) {
  answer_ = [](const test::Request& request) {
    return test::Response{.status = request.method == "PUT" ? 201 : 200};
  };
  storage_round(StorageQuestion::Writing::No);
  EXPECT_EQ(server_.requests().size(), 1U);
  storage_round(StorageQuestion::Writing::ProbeBlob);
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 4U);
  EXPECT_EQ(requests[2].method, "PUT");
  EXPECT_EQ(requests[2].header("If-None-Match"), "*");
  EXPECT_EQ(requests[3].method, "DELETE");
  EXPECT_EQ(requests[3].path, requests[2].path);
}

TEST_F(ServiceChecks, AStorageThatCannotBeWrittenFails) {
  answer_ = [](const test::Request& request) {
    return test::Response{.status = request.method == "PUT" ? 403 : 200};
  };
  storage_round(StorageQuestion::Writing::ProbeBlob);
  EXPECT_EQ(finding("storage.write").verdict, Verdict::Failed);
}

}  // namespace
}  // namespace ota::doctor
