#include "cloud/rest/hub_client.hpp"

#include <gmock/gmock.h>

#include "base/encoding.hpp"
#include "tests/http/recorded_pause.hpp"
#include "tests/http/scripted_server.hpp"

namespace ota::rest {
namespace {

using ::testing::HasSubstr;

constexpr const char* kKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

class HubClientTest : public ::testing::Test {
 protected:
  HubClient client() {
    return HubClient({.host_name = "hub.example:18443",
                      .gateway_host_name = {},
                      .device_id = {},
                      .policy = "iothubowner",
                      .key = *from_base64(kKey)},
                     {.now = [this] { return now; }, .pause = pause, .random = random},
                     server.url());
  }

  contract::UnixSeconds now = 1'893'456'000;
  test::RecordedPause pause;
  SplitMix64 random{1};
  std::function<test::Response(const test::Request&)> answer = [](const test::Request&) {
    return test::Response{.body = "{}"};
  };
  test::ScriptedServer server{[this](const test::Request& request) { return answer(request); }};
};

TEST_F(HubClientTest, SignsForTheHostTextOfTheConnectionString) {
  ASSERT_TRUE(client().get_twin("d1"));
  const test::Request request = server.requests().at(0);
  const auto sas = contract::parse_hub_sas(request.header("Authorization"));
  ASSERT_TRUE(sas);
  EXPECT_EQ(sas->resource, "hub.example:18443");
  EXPECT_EQ(sas->policy, "iothubowner");
  EXPECT_EQ(sas->expiry, now + 3600);
  EXPECT_TRUE(contract::hub_sas_signed_by(*sas, *from_base64(kKey)));
  EXPECT_EQ(request.query, "api-version=2021-04-12");
}

TEST_F(HubClientTest, RenewsItsTokenFiveMinutesBeforeTheEnd) {
  HubClient hub = client();
  ASSERT_TRUE(hub.get_twin("d1"));
  now += 3299;
  ASSERT_TRUE(hub.get_twin("d1"));
  now += 1;
  ASSERT_TRUE(hub.get_twin("d1"));
  const auto requests = server.requests();
  EXPECT_EQ(requests[0].header("Authorization"), requests[1].header("Authorization"));
  EXPECT_NE(requests[1].header("Authorization"), requests[2].header("Authorization"));
}

TEST_F(HubClientTest, EncodesIdsOnce) {
  ASSERT_TRUE(client().get_twin("a/b%20c"));
  EXPECT_EQ(server.requests().at(0).path, "/twins/a%2Fb%2520c");
}

TEST_F(HubClientTest, FollowsContinuationsUntilTheLastPage) {
  answer = [](const test::Request& request) {
    if (request.header("x-ms-continuation") == "next") {
      return test::Response{.body = R"([{"n":3}])"};
    }
    return test::Response{.headers = {{"x-ms-continuation", "next"}},
                          .body = R"([{"n":1},{"n":2}])"};
  };
  const auto rows = client().query_all("SELECT * FROM devices");
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 3U);
  EXPECT_EQ((*rows)[2].text, R"({"n":3})");
  EXPECT_EQ(server.requests()[1].body, R"({"query":"SELECT * FROM devices"})");
}

TEST_F(HubClientTest, AQueryWithoutEndStopsAtItsLimit) {
  answer = [](const test::Request&) {
    return test::Response{.headers = {{"x-ms-continuation", "again"}}, .body = R"([1,2,3])"};
  };
  const auto rows = client().query_all("SELECT * FROM devices", 10);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, "too_many_rows");
  EXPECT_EQ(server.requests().size(), 4U);
}

TEST_F(HubClientTest, ListsConfigurationsAndSkipsWhatItCannotRead) {
  answer = [](const test::Request&) {
    return test::Response{.body = R"([{"id":"a","priority":3},{"noid":1}])"};
  };
  const auto list = client().list_configurations();
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 1U);
  EXPECT_EQ((*list)[0].priority, 3U);
  EXPECT_EQ(server.requests()[0].query, "api-version=2021-04-12&top=100");
}

TEST_F(HubClientTest, AnErrorNamesTheIdThatTheRequestCarried) {
  answer = [](const test::Request&) {
    return test::Response{.status = 404, .headers = {{"x-ms-request-id", "theirs"}}};
  };
  const auto twin = client().get_twin("a");
  ASSERT_FALSE(twin);
  EXPECT_EQ(twin.error().client_request_id, server.requests()[0].header("Request-Id"));
  EXPECT_FALSE(twin.error().client_request_id.empty());
  EXPECT_EQ(twin.error().request_id, "theirs");
}

TEST_F(HubClientTest, ARequestWithoutAnAnswerHasItsIdToo) {
  answer = [](const test::Request&) { return test::Response{.drop = true}; };
  EXPECT_FALSE(client().get_twin("a").error().client_request_id.empty());
}

TEST_F(HubClientTest, TheBeginningOfAQueryCostsNoMorePagesThanItNeeds) {
  answer = [](const test::Request&) {
    return test::Response{.headers = {{"x-ms-continuation", "again"}}, .body = R"([1,2,3])"};
  };
  const auto some = client().query_some("SELECT * FROM devices", 4);
  ASSERT_TRUE(some);
  EXPECT_EQ(some->rows.size(), 4U);
  EXPECT_TRUE(some->more);
  EXPECT_EQ(server.requests().size(), 2U);
  answer = [](const test::Request&) { return test::Response{.body = R"([1,2,3])"}; };
  EXPECT_FALSE(client().query_some("SELECT * FROM devices", 3)->more);
}

TEST_F(HubClientTest, CreatesWithoutIfMatchAndUpdatesWithIt) {
  ASSERT_TRUE(client().create_configuration({.id = "x"}));
  ASSERT_TRUE(client().update_configuration({.id = "x", .etag = "MQ=="}));
  EXPECT_EQ(server.requests()[0].method, "PUT");
  EXPECT_EQ(server.requests()[0].header("If-Match"), "");
  EXPECT_EQ(server.requests()[1].header("If-Match"), "\"MQ==\"");
}

TEST_F(HubClientTest, ACreationThatMetAnotherIsAConflict) {
  answer = [](const test::Request&) { return test::Response{.status = 409}; };
  const auto created = client().create_configuration({.id = "x"});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, ApiError::Kind::Conflict);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(HubClientTest, AReadSurvivesADroppedConnectionAndAThrottle) {
  int count = 0;
  answer = [&count](const test::Request&) {
    ++count;
    if (count == 1) return test::Response{.drop = true};
    if (count == 2) return test::Response{.status = 429, .headers = {{"Retry-After", "2"}}};
    return test::Response{.body = "{}"};
  };
  EXPECT_TRUE(client().get_twin("d1"));
  EXPECT_EQ(pause.waits.size(), 2U);
}

TEST_F(HubClientTest, ReadsAnIdentityWithItsKey) {
  answer = [](const test::Request&) {
    return test::Response{.body = R"({"deviceId":"d1","status":"enabled",
      "authentication":{"type":"sas","symmetricKey":{"primaryKey":"a2V5"}}})"};
  };
  const auto device = client().create_device("d1");
  ASSERT_TRUE(device);
  EXPECT_EQ(device->id, "d1");
  EXPECT_EQ(device->primary_key, "a2V5");
  EXPECT_EQ(server.requests()[0].body, R"({"deviceId":"d1"})");
}

TEST_F(HubClientTest, CountsDevicesWithoutReadingThem) {
  answer = [](const test::Request&) { return test::Response{.body = R"({"totalDeviceCount":7})"}; };
  EXPECT_EQ(client().count_devices().value(), 7);
  EXPECT_EQ(server.requests()[0].path, "/statistics/devices");
  answer = [](const test::Request&) { return test::Response{.body = R"({"n":7})"}; };
  EXPECT_FALSE(client().count_devices());
}

TEST_F(HubClientTest, ChangesOnlyTheStateThatItNames) {
  answer = [](const test::Request&) { return test::Response{.status = 412}; };
  EXPECT_EQ(client().patch_twin("d1", "{}", "AA==").error().kind, ApiError::Kind::Conflict);
  EXPECT_EQ(client().delete_device("d1", "AA==").error().kind, ApiError::Kind::Conflict);
  EXPECT_EQ(server.requests()[0].header("If-Match"), "\"AA==\"");
  EXPECT_EQ(server.requests()[1].header("If-Match"), "\"AA==\"");
}

TEST_F(HubClientTest, DeletesWhateverTheVersion) {
  answer = [](const test::Request&) { return test::Response{.status = 204}; };
  EXPECT_TRUE(client().delete_device("d1"));
  EXPECT_TRUE(client().delete_configuration("c1"));
  EXPECT_EQ(server.requests()[0].header("If-Match"), "*");
  EXPECT_EQ(server.requests()[1].path, "/configurations/c1");
}

TEST_F(HubClientTest, AnAnswerThatIsNoJsonIsAnError) {
  answer = [](const test::Request&) { return test::Response{.body = "<html>"}; };
  EXPECT_FALSE(client().list_configurations());
  EXPECT_FALSE(client().query_all("SELECT * FROM devices"));
  const auto device = client().get_device("d1");
  ASSERT_FALSE(device);
  EXPECT_THAT(device.error().message, HasSubstr("cannot be read"));
}

TEST_F(HubClientTest, SendsAMessageWithItsPropertiesAsFields) {
  answer = [](const test::Request&) { return test::Response{.status = 204}; };
  ASSERT_TRUE(client().send_message({.device_id = "d 1",
                                     .body = "hello",
                                     .properties = {{"color", "red"}},
                                     .expiry = "2030-01-01T00:00:00Z"}));
  const test::Request request = server.requests().at(0);
  EXPECT_EQ(request.path, "/devices/d%201/messages/devicebound");
  EXPECT_EQ(request.header("iothub-app-color"), "red");
  EXPECT_EQ(request.header("iothub-expiry"), "2030-01-01T00:00:00Z");
  EXPECT_EQ(request.header("Content-Type"), "application/octet-stream");
  EXPECT_EQ(request.body, "hello");
}

TEST_F(HubClientTest, CallsAMethodOnce) {
  answer = [](const test::Request&) { return test::Response{.status = 504}; };
  EXPECT_FALSE(client().call_method({.device_id = "d1", .name = "m", .payload = "[1]"}));
  ASSERT_EQ(server.requests().size(), 1U);
  EXPECT_EQ(server.requests()[0].path, "/twins/d1/methods");
  EXPECT_EQ(server.requests()[0].body,
            R"({"connectTimeoutInSeconds":0,"methodName":"m","responseTimeoutInSeconds":30,)"
            R"("payload":[1]})");
}

TEST_F(HubClientTest, FollowsEventsLineByLine) {
  answer = [](const test::Request&) { return test::Response{.body = "{\"a\":1}\n\n{\"b\":2}\n{"}; };
  std::vector<std::string> lines;
  ASSERT_TRUE(client().follow_events({.device_id = "d/1", .types = "telemetry,twin", .from = 7},
                                     [&](std::string_view line) {
                                       lines.emplace_back(line);
                                       return true;
                                     }));
  EXPECT_THAT(lines, ::testing::ElementsAre("{\"a\":1}", "{\"b\":2}"));
  EXPECT_EQ(server.requests().at(0).path, "/$local/events");
  EXPECT_EQ(server.requests().at(0).query,
            "api-version=2021-04-12&device=d%2F1&type=telemetry%2Ctwin&from=7");
}

TEST_F(HubClientTest, EndsToFollowEventsWhenNobodyWantsMore) {
  answer = [](const test::Request&) { return test::Response{.body = "{}\n{}\n"}; };
  int lines = 0;
  EXPECT_TRUE(client().follow_events({}, [&](std::string_view) { return ++lines < 1; }));
  EXPECT_EQ(lines, 1);
  answer = [](const test::Request&) { return test::Response{.status = 401}; };
  EXPECT_FALSE(client().follow_events({}, [](std::string_view) { return true; }));
}

}  // namespace
}  // namespace ota::rest
