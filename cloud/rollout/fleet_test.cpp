#include "cloud/rollout/fleet.hpp"

#include <gmock/gmock.h>

#include "base/encoding.hpp"
#include "cloud/rollout/ids.hpp"
#include "tests/http/recorded_pause.hpp"
#include "tests/http/scripted_server.hpp"

namespace ota::rollout {
namespace {

using ::testing::HasSubstr;

constexpr const char* kTwin = R"({"deviceId":"d1","status":"enabled","connectionState":"Connected",
  "lastActivityTime":"2030-01-01T00:00:00Z","tags":{"productType":"pump","deviceGroup":"lab"},
  "properties":{"desired":{"extFwInfo":{"version":8}},
    "reported":{"extFwInfo":{"Status":"downloading","Phase":"downloading","Version":7,"Target":8,
      "Progress":50,"Since":"2030-01-01T00:00:00Z"}}}})";

class FleetTest : public ::testing::Test {
 protected:
  test::RecordedPause pause;
  SplitMix64 random{1};
  std::function<test::Response(const test::Request&)> answer = [](const test::Request&) {
    return test::Response{.body = kTwin};
  };
  test::ScriptedServer server{[this](const test::Request& request) { return answer(request); }};
  rest::HubClient hub{{.host_name = "hub",
                       .gateway_host_name = {},
                       .device_id = {},
                       .policy = "owner",
                       .key = *from_base64("AAEC")},
                      {.now = [] { return 1'893'456'000; }, .pause = pause, .random = random},
                      server.url()};
};

TEST(ReadDevice, TakesWhatAnOperatorLooksAt) {
  const auto device = read_device(kTwin);
  ASSERT_TRUE(device);
  EXPECT_EQ(device->id, "d1");
  EXPECT_EQ(device->product, "pump");
  EXPECT_EQ(device->group, "lab");
  EXPECT_EQ(device->connection_state, "Connected");
  EXPECT_EQ(device->report.phase, "downloading");
  EXPECT_EQ(device->report.version, 7U);
  EXPECT_EQ(device->report.progress_percent, 50U);
  EXPECT_EQ(device->wanted_version, 8U);
}

TEST(ReadDevice, ATwinThatReportsNothingIsUnknownAndNotZero) {
  const auto device = read_device(R"({"deviceId":"d1","tags":5,"properties":{"reported":{}}})");
  ASSERT_TRUE(device);
  EXPECT_EQ(device->product, "");
  EXPECT_EQ(device->report.version, std::nullopt);
  EXPECT_EQ(device->report.status, "");
}

TEST(ReadDevice, OddTwinsAreNotACrash) {
  for (const char* json : {"", "7", "[]", "{}", R"({"deviceId":5})"}) {
    EXPECT_FALSE(read_device(json)) << json;
  }
  EXPECT_TRUE(read_device(
      R"({"deviceId":"d","properties":{"desired":{"extFwInfo":7},"reported":{"extFwInfo":[]}}})"));
}

TEST_F(FleetTest, TheFilterIsQuotedAndTheListSorted) {
  answer = [](const test::Request&) {
    return test::Response{.body = R"([{"deviceId":"b"},{"deviceId":"a"}])"};
  };
  const auto devices = list_devices(hub, {.product = "o'hara", .group = "lab"});
  ASSERT_TRUE(devices) << devices.error().message;
  ASSERT_EQ(devices->size(), 2U);
  EXPECT_EQ((*devices)[0].id, "a");
  EXPECT_THAT(server.requests()[0].body,
              HasSubstr(R"(WHERE tags.productType='o\\'hara' AND tags.deviceGroup='lab')"));
}

TEST_F(FleetTest, WithoutAFilterAllDevicesAreAsked) {
  answer = [](const test::Request&) { return test::Response{.body = "[]"}; };
  ASSERT_TRUE(list_devices(hub, {}));
  EXPECT_EQ(server.requests()[0].body, R"({"query":"SELECT * FROM devices"})");
}

TEST_F(FleetTest, TheHubLooksForWhatDevicesReport) {
  answer = [](const test::Request&) { return test::Response{.body = "[]"}; };
  ASSERT_TRUE(list_devices(hub, {.group = "lab"}, {.status = "error", .version = 7}));
  ASSERT_TRUE(list_devices(hub, {}, {.other_version = 12}));
  EXPECT_THAT(server.requests()[0].body,
              HasSubstr("WHERE tags.deviceGroup='lab' AND properties.reported.extFwInfo.Status="
                        "'error' AND properties.reported.extFwInfo.Version=7"));
  EXPECT_THAT(server.requests()[1].body,
              HasSubstr("WHERE (NOT IS_DEFINED(properties.reported.extFwInfo.Version) OR "
                        "properties.reported.extFwInfo.Version!=12)"));
}

/// A twin in which somebody else moves the device, or changes something else, before our change.
class TwinOfTwo {
 public:
  explicit TwinOfTwo(std::vector<std::string> groups) : groups_(std::move(groups)) {}

  test::Response operator()(const test::Request& request) {
    const std::string etag = std::to_string(changes_);
    if (request.method == "GET") return {.body = body(etag)};
    if (changes_ + 1 < groups_.size()) {
      ++changes_;  // The other one was faster.
      return {.status = 412};
    }
    EXPECT_EQ(request.header("If-Match"), "\"" + etag + "\"");
    return {.body = body(etag)};
  }

 private:
  std::string body(const std::string& etag) const {
    return R"({"deviceId":"d1","etag":")" + etag +
           R"(","tags":{"productType":"pump","deviceGroup":")" + groups_[changes_] + "\"}}";
  }
  std::vector<std::string> groups_;
  std::size_t changes_ = 0;
};

TEST_F(FleetTest, TaggingPatchesOnlyTheTagsThatWereGiven) {
  answer = TwinOfTwo({"lab"});
  ASSERT_TRUE(tag_device(hub, "d1", {.group = "canary"}));
  EXPECT_EQ(server.requests()[0].method, "GET");
  EXPECT_EQ(server.requests()[1].method, "PATCH");
  EXPECT_EQ(server.requests()[1].body, R"({"tags":{"deviceGroup":"canary"}})");
  EXPECT_EQ(tag_device(hub, "d1", {.product = "a/b"}).error().code, "product_invalid");
}

TEST_F(FleetTest, AChangeOfSomethingElseMeanwhileIsInNobodysWay) {
  answer = TwinOfTwo({"lab", "lab"});
  const auto device = tag_device(hub, "d1", {.group = "canary"});
  ASSERT_TRUE(device) << device.error().message;
  EXPECT_EQ(server.requests().size(), 4U);
}

TEST_F(FleetTest, TwoWhoMoveADeviceAtOnceLoseNoChange) {
  answer = TwinOfTwo({"lab", "field"});
  const auto device = tag_device(hub, "d1", {.group = "canary"});
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().kind, Failure::Kind::Conflict);
  EXPECT_THAT(device.error().message, HasSubstr("to product 'pump' and group 'field'"));
  EXPECT_EQ(server.requests().size(), 3U);
}

TEST_F(FleetTest, ATwinThatNeverRestsIsAConflictAndNoEndlessLoop) {
  answer = TwinOfTwo(std::vector<std::string>(100, "lab"));
  EXPECT_EQ(tag_device(hub, "d1", {.group = "canary"}).error().kind, Failure::Kind::Conflict);
  EXPECT_LE(server.requests().size(), 6U);
}

TEST_F(FleetTest, DeletesTheDeviceThatWasLookedAtAndNoOther) {
  answer = [](const test::Request& request) {
    if (request.method == "GET")
      return test::Response{.body = R"({"deviceId":"d1","etag":"Nw=="})"};
    return test::Response{.status = 412};
  };
  EXPECT_EQ(delete_device(hub, "d1").error().kind, Failure::Kind::Conflict);
  EXPECT_EQ(server.requests()[1].method, "DELETE");
  EXPECT_EQ(server.requests()[1].header("If-Match"), "\"Nw==\"");
}

TEST_F(FleetTest, ADeviceThatDoesNotExistIsNotFound) {
  answer = [](const test::Request&) { return test::Response{.status = 404}; };
  EXPECT_EQ(show_device(hub, "d9").error().kind, Failure::Kind::NotFound);
}

TEST_F(FleetTest, BadIdsAreRefusedBeforeAnythingIsSent) {
  for (const std::string& id : {std::string(), std::string("a b"), std::string("a/b"),
                                std::string(129, 'a'), std::string("\xC3\xBC")}) {
    EXPECT_EQ(create_device(hub, id, {}).error().code, "device_id_invalid") << id;
  }
  EXPECT_TRUE(server.requests().empty());
  EXPECT_TRUE(check_device_id("Dev-1.a+b%_#*?!(),:=@$'"));
}

}  // namespace
}  // namespace ota::rollout
