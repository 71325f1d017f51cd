#include "cloud/hub/core/events.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cloud/hub/core/test_hub.hpp"

namespace ota::hub {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<json> read_all(LiveBody& reader) {
  std::vector<json> lines;
  for (std::string text = reader.read(1000); !text.empty(); text = reader.read(1000)) {
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
      if (json event = json::parse(line); event["type"] != "ready") lines.push_back(event);
    }
  }
  return lines;
}

Event telemetry(std::string body, std::string properties = {}) {
  return {.type = EventType::Telemetry,
          .device_id = "d1",
          .properties = std::move(properties),
          .body = std::move(body)};
}

TEST(Events, TellsAReaderWhatComesAndWakesIt) {
  Events events([] { return 1'893'456'000; });
  const auto reader = events.open_reader(events.next_sequence(), {});
  int wakes = 0;
  reader->on_more([&] { ++wakes; });
  events.add(telemetry("21", "%24.ct=application%2Fjson&%24.mid=m1&color=red"));
  EXPECT_EQ(wakes, 1);
  const auto lines = read_all(*reader);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["sequence"], 1);
  EXPECT_EQ(lines[0]["type"], "telemetry");
  EXPECT_EQ(lines[0]["deviceId"], "d1");
  EXPECT_EQ(lines[0]["enqueuedTimeUtc"], "2030-01-01T00:00:00Z");
  EXPECT_EQ(lines[0]["properties"], json::parse(R"({"color":"red"})"));
  EXPECT_EQ(lines[0]["systemProperties"]["messageId"], "m1");
  EXPECT_EQ(lines[0]["systemProperties"]["iothub-message-source"], "Telemetry");
  EXPECT_EQ(lines[0]["body"], 21);
}

TEST(Events, ShowsBodiesAsJsonTextOrBase64) {
  Events events([] { return 0; });
  const auto reader = events.open_reader(1, {});
  events.add(telemetry("{\"a\":1}"));
  events.add(telemetry("{broken", "$.ct=application%2Fjson"));
  events.add(telemetry("\xFF\xFE"));
  const auto lines = read_all(*reader);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0]["body"], "{\"a\":1}");
  EXPECT_EQ(lines[1]["body"], "{broken");
  EXPECT_EQ(lines[2]["bodyBase64"], "//4=");
}

TEST(Events, StartsWithTheEventThatAReaderAsksFor) {
  Events events([] { return 0; });
  for (int i = 1; i <= 5; ++i) events.add(telemetry(std::to_string(i)));
  EXPECT_EQ(read_all(*events.open_reader(4, {})).size(), 2U);
  EXPECT_EQ(read_all(*events.open_reader(0, {})).size(), 5U);
  EXPECT_EQ(read_all(*events.open_reader(6, {})).size(), 0U);
  EXPECT_EQ(read_all(*events.open_reader(900, {})).size(), 5U);  // a number of an earlier hub
}

TEST(Events, GoesOnWithHigherNumbersWhenTheHubStartsAgain) {
  Events before([] { return 0; }, 1000);
  before.add(telemetry("x"));
  const std::uint64_t from = before.next_sequence();
  Events after([] { return 0; }, 2000);
  after.add(telemetry("y"));
  EXPECT_EQ(read_all(*after.open_reader(from, {})).size(), 1U);
}

TEST(Events, SaysFirstWithWhichEventAReaderBegins) {
  Events events([] { return 0; });
  events.add(telemetry("x"));
  EXPECT_EQ(events.open_reader(2, {})->read(1000), "{\"type\":\"ready\",\"sequence\":2}\n");
}

TEST(Events, TellsASlowReaderHowManyItMissed) {
  Events events([] { return 0; });
  const auto reader = events.open_reader(1, {});
  for (std::size_t i = 0; i < kEventsMax + 7; ++i) events.add(telemetry("x"));
  const auto lines = read_all(*reader);
  ASSERT_EQ(lines.size(), kEventsMax + 1);
  EXPECT_EQ(lines[0], json::parse(R"({"type":"missed","from":1,"count":7})"));
  EXPECT_EQ(lines[1]["sequence"], 8);
}

TEST(Events, KeepsItsMemoryBounded) {
  Events events([] { return 0; });
  const auto reader = events.open_reader(1, {});
  const std::string large(256 * 1024, 'x');
  for (int i = 0; i < 100; ++i) events.add(telemetry(large));
  std::size_t kept = 0;
  for (std::string text = reader->read(1); !text.empty(); text = reader->read(1)) ++kept;
  EXPECT_LE(kept, kEventBytesMax / large.size() + 2);
}

TEST(Events, ShowsOnlyWhatAReaderWants) {
  Events events([] { return 0; });
  const auto reader = events.open_reader(1, {.device_id = "d2", .types = {EventType::Connection}});
  events.add(telemetry("x"));
  for (const std::string device : {"d1", "d2"})
    events.add(
        {.type = EventType::Connection, .device_id = device, .properties = "op", .body = {}});
  const auto lines = read_all(*reader);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["deviceId"], "d2");
}

TEST(Events, RefusesTooManyReadersAndForgetsThoseThatHaveGone) {
  Events events([] { return 0; });
  std::vector<std::shared_ptr<LiveBody>> readers;
  for (std::size_t i = 0; i < kEventReadersMax; ++i) readers.push_back(events.open_reader(1, {}));
  EXPECT_EQ(events.open_reader(1, {}), nullptr);
  readers.pop_back();
  EXPECT_NE(events.open_reader(1, {}), nullptr);
}

class EventsRestTest : public HubTest {
 protected:
  HttpResponse watch(const std::string& more_query) {
    HttpRequest request{.method = "GET",
                        .path = "/$local/events",
                        .query = "api-version=2021-04-12" + more_query,
                        .headers = {},
                        .body = {},
                        .peer_address = {}};
    request.headers.add("Authorization", service_token());
    return core_->handle(request).value();
  }
};

TEST_F(EventsRestTest, TellsTheLifeOfADevice) {
  const auto answer = watch("");
  ASSERT_NE(answer.live, nullptr);
  RecordingLink link;
  call("PUT", "/devices/d1", R"({"deviceId":"d1"})");
  core_->connected("d1", link);
  core_->telemetry("d1", "color=red", "21");
  patch_reported("d1", R"({"a":1})", std::nullopt);
  call("PATCH", "/twins/d1", R"({"tags":{"t":1},"properties":{"desired":{"b":2}}})");
  core_->disconnected("d1", link);
  call("DELETE", "/devices/d1");
  std::vector<std::string> seen;
  for (const json& line : read_all(*answer.live)) {
    seen.push_back(line["type"].get<std::string>() + " " + line["properties"].dump() + " " +
                   (line.contains("body") ? line["body"].dump() : "-"));
  }
  const auto operation = [](const std::string& type, const std::string& name) {
    return type + R"( {"deviceId":"d1","opType":")" + name + "\"} ";
  };
  EXPECT_THAT(
      seen,
      ElementsAre(
          operation("lifecycle", "createDeviceIdentity") + "-",
          operation("connection", "deviceConnected") + "-", R"(telemetry {"color":"red"} "21")",
          operation("twin", "updateTwin") + R"({"properties":{"reported":{"$version":2,"a":1}}})",
          operation("twin", "updateTwin") + R"({"tags":{"t":1}})",
          operation("twin", "updateTwin") + R"({"properties":{"desired":{"$version":2,"b":2}}})",
          operation("connection", "deviceDisconnected") + "-",
          operation("lifecycle", "deleteDeviceIdentity") + "-"));
}

TEST_F(EventsRestTest, NamesTheConnectionOfTelemetry) {
  call("PUT", "/devices/d1", R"({"deviceId":"d1"})");
  const auto answer = watch("&type=telemetry&device=d1");
  RecordingLink link;
  core_->connected("d1", link);
  core_->telemetry("d1", "", "x");
  const auto lines = read_all(*answer.live);
  ASSERT_EQ(lines.size(), 1U);
  const json device = json::parse(call("GET", "/devices/d1").body);
  EXPECT_EQ(lines[0]["systemProperties"]["connectionDeviceGenerationId"], device["generationId"]);
  EXPECT_THAT(lines[0]["systemProperties"]["connectionAuthMethod"].get<std::string>(),
              HasSubstr(R"("type":"sas")"));
}

TEST_F(EventsRestTest, NamesTheSenderOfTelemetryOverHttps) {
  const json device = json::parse(call("PUT", "/devices/d1", R"({"deviceId":"d1"})").body);
  const auto answer = watch("&type=telemetry");
  HttpRequest request{.method = "POST",
                      .path = "/devices/d1/messages/events",
                      .query = "api-version=2021-04-12",
                      .headers = {},
                      .body = "x",
                      .peer_address = {}};
  const auto key = key_of(device["authentication"]["symmetricKey"]["primaryKey"]);
  request.headers.add("Authorization",
                      contract::make_hub_sas("hub.local/devices/d1", key, now_ + 60));
  ASSERT_EQ(core_->handle(request)->status, 204);
  const auto lines = read_all(*answer.live);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["systemProperties"]["connectionDeviceGenerationId"], device["generationId"]);
  EXPECT_THAT(lines[0]["systemProperties"]["connectionAuthMethod"].get<std::string>(),
              HasSubstr(R"("type":"sas")"));
}

TEST_F(EventsRestTest, RefusesRequestsThatItDoesNotUnderstand) {
  EXPECT_EQ(watch("&from=x").status, 400);
  EXPECT_EQ(watch("&type=telemetry,none").status, 400);
  EXPECT_EQ(call("POST", "/$local/events").status, 405);
}

}  // namespace
}  // namespace ota::hub
