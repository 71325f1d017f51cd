#include "cloud/hub/core/core.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <span>

#include "cloud/hub/core/reported_cache.hpp"
#include "cloud/hub/core/schema.hpp"
#include "cloud/hub/core/test_hub.hpp"
#include "cloud/hub/state/database.hpp"

namespace ota::hub {
namespace {

using nlohmann::json;

class CoreTest : public HubTest {
 protected:
  json create(const std::string& id, const json& body = json::object()) {
    const auto response = call("PUT", "/devices/" + id, body.dump());
    EXPECT_EQ(response.status, 200) << response.body;
    return json::parse(response.body);
  }
  std::string device_token(const json& device, contract::UnixSeconds expiry,
                           const std::string& key = "primaryKey") const {
    const std::string id = device["deviceId"];
    return contract::make_hub_sas("hub.local/devices/" + id,
                                  key_of(device["authentication"]["symmetricKey"][key]), expiry);
  }
};

TEST_F(CoreTest, LetsADeviceInWithEitherKey) {
  const json device = create("d1");
  const auto first = login("d1", device_token(device, now_ + 60));
  ASSERT_TRUE(first);
  EXPECT_EQ(first.value().id, "d1");
  EXPECT_EQ(first.value().expires, now_ + 60);
  EXPECT_TRUE(login("d1", device_token(device, now_ + 60, "secondaryKey")));
  EXPECT_TRUE(login("d1", device_token(device, now_ + 60), nullptr, "HUB.local:18883"));
}

TEST_F(CoreTest, ChecksAPortInTheResourceAsSent) {
  const json device = create("d1");
  const auto key = key_of(device["authentication"]["symmetricKey"]["primaryKey"]);
  EXPECT_TRUE(login("d1", contract::make_hub_sas("hub.local:18883/devices/d1", key, now_ + 60)));
  EXPECT_TRUE(login("d1", contract::make_hub_sas("127.0.0.1/devices/d1", key, now_ + 60)));
  EXPECT_FALSE(login("d1", contract::make_hub_sas("other.local/devices/d1", key, now_ + 60)));
  EXPECT_FALSE(login("d1", contract::make_hub_sas("hub.local/devices/d", key, now_ + 60)));
  EXPECT_FALSE(login("d1", contract::make_hub_sas("hub.local/devices/d12", key, now_ + 60)));
}

TEST_F(CoreTest, RefusesExpiredForeignAndMalformedTokens) {
  const json device = create("d1");
  const json other = create("d2");
  EXPECT_TRUE(login("d1", device_token(device, now_ - 299)));
  EXPECT_FALSE(login("d1", device_token(device, now_ - 300)));
  EXPECT_FALSE(login("d1", device_token(other, now_ + 60)));
  EXPECT_FALSE(login("d2", device_token(device, now_ + 60)));
  EXPECT_FALSE(login("unknown", device_token(device, now_ + 60)));
  for (const char* password :
       {"", "x", "SharedAccessSignature", "SharedAccessSignature sr=a&sig=b&se=oops",
        "SharedAccessSignature sr=%&sig=%&se=99999999999999999999"}) {
    EXPECT_FALSE(login("d1", password)) << password;
  }
  EXPECT_FALSE(login("d1", device_token(device, now_ + 60), nullptr, "elsewhere.local"));
}

TEST_F(CoreTest, DemandsThatClientAndUserNameAgree) {
  const json device = create("d1");
  const std::string token = device_token(device, now_ + 60);
  const auto result =
      core_->login({.host = "hub.local", .device_id = "d1", .module_id = {}, .model_id = {}},
                   {.client_id = "d2", .password = token, .certificate = nullptr});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), LoginRefusal::IdentifierRejected);
}

TEST_F(CoreTest, LetsAPolicyTokenInOnlyForItsOwnHub) {
  create("d1");
  const auto key = key_of(core_->access().iothubowner_key);
  EXPECT_TRUE(
      login("d1", contract::make_hub_sas("hub.local/devices", key, now_ + 60, "iothubowner")));
  EXPECT_FALSE(login("d1", contract::make_hub_sas("hub.local/devices", key, now_ + 60, "service")));
  EXPECT_FALSE(login("d1", contract::make_hub_sas("hub.local/devices", key, now_ + 60, "nobody")));
}

TEST_F(CoreTest, LetsASelfSignedCertificateInByThumbprint) {
  const std::string print(64, 'A');
  create("d1", {{"authentication",
                 {{"type", "selfSigned"},
                  {"x509Thumbprint", {{"primaryThumbprint", std::string(64, 'a')}}}}}});
  ClientCertificate certificate{.common_name = "any",
                                .sha1_thumbprint = std::string(40, 'B'),
                                .sha256_thumbprint = print,
                                .chain_valid = false,
                                .chain_der = {}};
  EXPECT_TRUE(login("d1", "", &certificate));
  certificate.sha256_thumbprint = std::string(64, 'C');
  EXPECT_FALSE(login("d1", "", &certificate));
  EXPECT_FALSE(login("d1", ""));
}

TEST_F(CoreTest, ClosesTheOlderConnectionOfADevice) {
  create("d1");
  RecordingLink older;
  RecordingLink newer;
  core_->connected("d1", older);
  core_->connected("d1", newer);
  EXPECT_NE(older.closed, "");
  EXPECT_EQ(newer.closed, "");
  core_->disconnected("d1", older);
  EXPECT_EQ(json::parse(call("GET", "/devices/d1").body)["connectionState"], "Connected");
  core_->disconnected("d1", newer);
  EXPECT_EQ(json::parse(call("GET", "/devices/d1").body)["connectionState"], "Disconnected");
}

TEST_F(CoreTest, ClosesTheConnectionOfADisabledDeletedOrRekeyedDevice) {
  json device = create("d1");
  RecordingLink link;
  core_->connected("d1", link);
  device["statusReason"] = "because";
  EXPECT_EQ(call("PUT", "/devices/d1", device.dump(), {{"If-Match", "\"*\""}}).status, 200);
  EXPECT_EQ(link.closed, "");
  device["status"] = "disabled";
  EXPECT_EQ(call("PUT", "/devices/d1", device.dump(), {{"If-Match", "\"*\""}}).status, 200);
  EXPECT_NE(link.closed, "");
  const auto refused = login("d1", device_token(device, now_ + 60));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), LoginRefusal::NotAuthorized);
  RecordingLink second;
  create("d2");
  core_->connected("d2", second);
  EXPECT_EQ(call("DELETE", "/devices/d2").status, 204);
  EXPECT_NE(second.closed, "");
}

TEST_F(CoreTest, ShowsTheDeviceItsTwin) {
  create("d1");
  EXPECT_EQ(core_->get_twin("d1").body, R"({"desired":{"$version":1},"reported":{"$version":1}})");
  const Answer patched = patch_reported("d1", R"({"fw":{"state":"ok"}})", std::nullopt);
  EXPECT_EQ(patched.status, 204);
  EXPECT_EQ(patched.version, 2U);
  EXPECT_EQ(json::parse(core_->get_twin("d1").body)["reported"],
            json({{"fw", {{"state", "ok"}}}, {"$version", 2}}));
}

TEST_F(CoreTest, RefusesBadReportedPatchesAndKeepsTheTwin) {
  create("d1");
  for (const char* patch :
       {R"({"a":{"b":[1,null]}})", "[1]", "not json", R"({"$bad":1})", "\xff"}) {
    const Answer answer = patch_reported("d1", patch, std::nullopt);
    EXPECT_EQ(answer.status, 400) << patch;
    EXPECT_GE(json::parse(answer.body)["errorCode"].get<int>(), 400'000);
  }
  EXPECT_EQ(
      json::parse(patch_reported("d1", R"({"a":{"b":[1,null]}})", std::nullopt).body)["errorCode"],
      400004);
  EXPECT_EQ(patch_reported("d1", std::string(300'000, ' '), std::nullopt).status, 400);
  EXPECT_EQ(patch_reported("d1", "{}", 9).status, 412);
  EXPECT_EQ(core_->get_twin("d1").body, R"({"desired":{"$version":1},"reported":{"$version":1}})");
}

TEST_F(CoreTest, TellsADeviceOfDesiredChangesOnly) {
  create("d1");
  RecordingLink link;
  core_->connected("d1", link);
  EXPECT_EQ(call("PATCH", "/twins/d1", R"({"tags":{"ring":"a"}})").status, 200);
  EXPECT_TRUE(link.patches.empty());
  EXPECT_EQ(call("PATCH", "/twins/d1", R"({"properties":{"desired":{"fw":1,"gone":null}}})").status,
            200);
  ASSERT_EQ(link.patches.size(), 1U);
  EXPECT_EQ(json::parse(link.patches[0]), json({{"fw", 1}, {"gone", nullptr}, {"$version", 2}}));
  EXPECT_EQ(link.versions[0], 2U);
}

TEST_F(CoreTest, ReplacesDesiredWithExplicitNulls) {
  create("d1");
  call("PATCH", "/twins/d1",
       R"({"tags":{"keep":1},"properties":{"desired":{"a":1,"b":{"c":1,"d":2}}}})");
  RecordingLink link;
  core_->connected("d1", link);
  const auto response =
      call("PUT", "/twins/d1",
           R"({"properties":{"desired":{"b":{"d":3},"$version":2,"$metadata":{}}}})");
  ASSERT_EQ(response.status, 200) << response.body;
  const json twin = json::parse(response.body);
  EXPECT_EQ(twin["tags"], json({{"keep", 1}}));
  EXPECT_EQ(twin["properties"]["desired"]["b"], json({{"d", 3}}));
  EXPECT_EQ(json::parse(link.patches.at(0)),
            json({{"a", nullptr}, {"b", {{"c", nullptr}, {"d", 3}}}, {"$version", 3}}));
}

TEST_F(CoreTest, GuardsTwinsWithEtags) {
  create("d1");
  const auto first =
      call("PATCH", "/twins/d1", R"({"tags":{"a":1}})", {{"If-Match", "\"AAAAAAAAAAE=\""}});
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.headers.find("ETag"), "\"AAAAAAAAAAI=\"");
  const auto stale =
      call("PATCH", "/twins/d1", R"({"tags":{"a":2}})", {{"If-Match", "\"AAAAAAAAAAE=\""}});
  EXPECT_EQ(stale.status, 412);
  EXPECT_EQ(stale.headers.find("iothub-errorcode"), "PreconditionFailed");
  for (const char* any : {"*", "\"*\"", "W/\"AAAAAAAAAAI=\""}) {
    EXPECT_EQ(call("PATCH", "/twins/d1", "{}", {{"If-Match", any}}).status, 200) << any;
  }
  patch_reported("d1", R"({"x":1})", std::nullopt);
  EXPECT_EQ(call("GET", "/twins/d1").headers.find("ETag"), "\"AAAAAAAAAAI=\"");
}

TEST_F(CoreTest, AnswersRepeatedCreationWithConflict) {
  create("d1");
  const auto again = call("PUT", "/devices/d1", "{}");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.headers.find("iothub-errorcode"), "DeviceAlreadyExists");
  EXPECT_THAT(json::parse(again.body)["Message"].get<std::string>(),
              ::testing::StartsWith("ErrorCode:DeviceAlreadyExists;"));
  EXPECT_EQ(call("PUT", "/devices/d9", "{}", {{"If-Match", "*"}}).status, 404);
  EXPECT_EQ(call("PUT", "/devices/d1", "{}", {{"If-Match", "\"stale\""}}).status, 412);
}

TEST_F(CoreTest, KeepsTheKeysThatAnUpdateLeavesOutOrEmpty) {
  const json keys = create("d1")["authentication"]["symmetricKey"];
  for (const char* body :
       {R"({"status":"disabled"})",
        R"({"authentication":{"symmetricKey":{"primaryKey":"","secondaryKey":""}}})"}) {
    const auto response = call("PUT", "/devices/d1", body, {{"If-Match", "\"*\""}});
    ASSERT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(json::parse(response.body)["authentication"]["symmetricKey"], keys) << body;
  }
}

TEST_F(CoreTest, TakesStatusAndTypeInAnyCase) {
  const json device =
      create("d1", {{"status", "Enabled"}, {"authentication", {{"type", "CertificateAuthority"}}}});
  EXPECT_EQ(device["status"], "enabled");
  EXPECT_EQ(device["authentication"]["type"], "certificateAuthority");
  EXPECT_EQ(create("d2", {{"status", "DISABLED"}})["status"], "disabled");
  EXPECT_EQ(call("PUT", "/devices/d3", R"({"status":"off"})").status, 400);
}

TEST_F(CoreTest, TakesAPatchThatIsSentAsAPost) {
  create("d1");
  const std::string body = R"({"tags":{"ring":1}})";
  EXPECT_EQ(call("POST", "/twins/d1", body).status, 405);
  const auto patched = call("POST", "/twins/d1", body, {{"X-HTTP-Method-Override", "PATCH"}});
  EXPECT_EQ(patched.status, 200);
  EXPECT_EQ(call("POST", "/twins/d1", body, {{"X-HTTP-Method-Override", "DELETE"}}).status, 405);
}

TEST_F(CoreTest, DecodesPathSegmentsOnce) {
  create("100%2525");
  EXPECT_EQ(json::parse(call("GET", "/devices/100%2525").body)["deviceId"], "100%25");
  EXPECT_EQ(call("GET", "/devices/100%25").status, 404);
  EXPECT_EQ(call("GET", "/devices/100%").status, 400);
  create("o'hara");
  EXPECT_EQ(call("PUT", "/devices/a%20b", "{}").status, 400);
  EXPECT_EQ(call("PUT", "/devices/a%22b", "{}").status, 400);
}

TEST_F(CoreTest, DemandsApiVersionAndAuthorization) {
  HttpRequest request{.method = "GET",
                      .path = "/devices",
                      .query = "",
                      .headers = {},
                      .body = {},
                      .peer_address = {}};
  EXPECT_EQ(core_->handle(request)->headers.find("iothub-errorcode"), "InvalidProtocolVersion");
  request.query = "api-version=2021-04-12";
  EXPECT_EQ(core_->handle(request)->status, 401);
  request.query = "API-Version=2021-04-12";
  EXPECT_EQ(core_->handle(request)->status, 401);
  request.headers.add("Authorization", "SharedAccessSignature sr=x&sig=y&se=oops");
  EXPECT_EQ(core_->handle(request)->status, 401);
  request.path = "/container/blob";
  EXPECT_FALSE(core_->handle(request));
}

TEST_F(CoreTest, AnswersBadBodiesWithClearErrors) {
  EXPECT_EQ(call("PUT", "/devices/d1", "nope").status, 400);
  EXPECT_EQ(call("PUT", "/devices/d1", "[]").status, 400);
  EXPECT_EQ(call("PUT", "/devices/d1", std::string(2'000'000, ' ')).status, 413);
  EXPECT_EQ(call("PUT", "/devices/d1", std::string(1000, '[')).status, 400);
  EXPECT_EQ(call("PUT", "/devices/d1", R"({"status":5})").status, 400);
  EXPECT_EQ(
      call("PUT", "/devices/d1", R"({"authentication":{"symmetricKey":{"primaryKey":"short"}}})")
          .status,
      400);
  EXPECT_EQ(call("PUT", "/devices/d1", R"({"deviceId":"other"})").status, 400);
  EXPECT_EQ(call("PUT", "/devices/d1", "{}", {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(call("TRACE", "/devices/d1").status, 405);
  EXPECT_THAT(call("POST", "/devices/d1/files").body, ::testing::HasSubstr("no file upload"));
}

TEST_F(CoreTest, KeepsItsStateAndItsKeysAcrossStarts) {
  create("d1");
  RecordingLink link;
  core_->connected("d1", link);
  patch_reported("d1", R"({"a":1})", std::nullopt);
  const Access before = core_->access();
  open();
  EXPECT_EQ(core_->access().iothubowner_key, before.iothubowner_key);
  EXPECT_EQ(core_->access().id_scope, before.id_scope);
  EXPECT_EQ(json::parse(core_->get_twin("d1").body)["reported"]["a"], 1);
  EXPECT_EQ(json::parse(call("GET", "/devices/d1").body)["connectionState"], "Disconnected");
}

TEST_F(CoreTest, TakesOverTheTwinsOfAnOlderState) {
  core_.reset();
  std::filesystem::remove_all(folder_ / "state");
  std::filesystem::create_directories(folder_ / "state");
  {
    // Until version 3 of the schema one table held all of a device.
    auto database = Database::open((folder_ / "state/hub.sqlite").string());
    ASSERT_TRUE(database);
    ASSERT_TRUE(database.value().migrate(std::span(kSchema).first(3)));
    ASSERT_TRUE(database.value().execute(
        "INSERT INTO device (device_id, generation_id, device_etag, status, status_updated,"
        " authentication_type, last_activity, version, tags, reported, reported_version)"
        " VALUES ('d1', 'g', 'e', 'enabled', '2026-01-01T00:00:00Z', 'sas',"
        " '2026-01-02T00:00:00Z', 9, '{\"ring\":1}', '{\"a\":1}', 4)"));
    ASSERT_TRUE(database.value().execute("INSERT INTO target VALUES ('c1', 'd1', 'Targeted')"));
  }
  open();
  const json before = json::parse(call("GET", "/twins/d1").body);
  EXPECT_EQ(before["version"], 9);
  EXPECT_EQ(before["tags"], json({{"ring", 1}}));
  EXPECT_EQ(before["lastActivityTime"], "2026-01-02T00:00:00Z");
  EXPECT_EQ(before["properties"]["reported"]["a"], 1);
  EXPECT_EQ(before["properties"]["reported"]["$version"], 4);
  EXPECT_EQ(before["configurations"], json::parse(R"({"c1":{"status":"Targeted"}})"));

  EXPECT_EQ(patch_reported("d1", R"({"b":2})", 4).version, 5U);
  EXPECT_EQ(call("PATCH", "/twins/d1", R"({"tags":{"ring":2}})").status, 200);
  const json after = json::parse(call("GET", "/twins/d1").body);
  EXPECT_EQ(after["version"], 11);
  EXPECT_EQ(after["lastActivityTime"], contract::to_iso8601(now_));
  EXPECT_EQ(call("DELETE", "/devices/d1", {}, {{"If-Match", "*"}}).status, 204);
  create("d1");
  EXPECT_EQ(json::parse(call("GET", "/twins/d1").body)["properties"]["reported"]["$version"], 1);
}

TEST_F(CoreTest, WritesDownWhenADeviceWasLastHeard) {
  create("d1");
  core_->telemetry("d1", "", "{}");
  core_->tick();
  open();
  EXPECT_EQ(json::parse(call("GET", "/devices/d1").body)["lastActivityTime"],
            contract::to_iso8601(now_));
}

TEST_F(CoreTest, CountsDevices) {
  create("d1");
  create("d2", {{"status", "disabled"}});
  EXPECT_EQ(json::parse(call("GET", "/statistics/devices").body),
            json({{"totalDeviceCount", 2}, {"enabledDeviceCount", 1}, {"disabledDeviceCount", 1}}));
  EXPECT_EQ(json::parse(call("GET", "/devices").body).size(), 2U);
}

// ---- Reports that follow each other ----

TEST_F(CoreTest, ARefusedReportLeavesNothing) {
  create("d1");
  EXPECT_EQ(patch_reported("d1", R"({"a":1})", std::nullopt).version, 2U);
  json too_large = {{"a", 2}, {"large", json::array()}};
  for (int i = 0; i < 9; ++i) too_large["large"].push_back(std::string(4000, 'x'));
  EXPECT_EQ(patch_reported("d1", too_large.dump(), std::nullopt).status, 400);
  EXPECT_EQ(patch_reported("d1", R"({"b":2})", 7).status, 412);
  EXPECT_EQ(patch_reported("d1", R"({"b":2})", 2).version, 3U);
  EXPECT_EQ(json::parse(core_->get_twin("d1").body)["reported"],
            json::parse(R"({"a":1,"b":2,"$version":3})"));
}

TEST_F(CoreTest, ReportsIntoTheTwinOfADeviceThatWasMadeAnew) {
  create("d1");
  patch_reported("d1", R"({"a":1})", std::nullopt);
  EXPECT_EQ(call("DELETE", "/devices/d1", {}, {{"If-Match", "*"}}).status, 204);
  EXPECT_EQ(patch_reported("d1", R"({"b":2})", std::nullopt).status, 404);
  create("d1");
  patch_reported("d1", R"({"c":3})", std::nullopt);
  EXPECT_EQ(json::parse(core_->get_twin("d1").body)["reported"],
            json::parse(R"({"c":3,"$version":2})"));
}

TEST(ReportedCache, IsBoundedAndForgetsWhatWasNotUsedForLongest) {
  ReportedCache cache;
  const auto keep = [&cache](const std::string& id, std::size_t bytes) {
    cache.keep({.device_id = id,
                .sequence = 1,
                .document = {},
                .metadata = {},
                .version = 1,
                .text_bytes = bytes});
  };
  keep("a", 10);
  for (std::size_t i = 1; i < ReportedCache::kSectionsMax; ++i) keep(std::to_string(i), 10);
  ASSERT_NE(cache.find("a"), nullptr);
  keep("b", 10);
  EXPECT_EQ(cache.size(), ReportedCache::kSectionsMax);
  EXPECT_NE(cache.find("a"), nullptr);
  EXPECT_EQ(cache.find("1"), nullptr);
  keep("c", ReportedCache::kTextBytesMax);
  EXPECT_EQ(cache.size(), 1U);
}

}  // namespace
}  // namespace ota::hub
