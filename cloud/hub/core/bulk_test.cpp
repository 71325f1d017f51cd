// POST /devices as the service SDKs send it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cloud/hub/core/test_hub.hpp"

namespace ota::hub {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class BulkTest : public HubTest {
 protected:
  HttpResponse bulk(const json& items) { return call("POST", "/devices", items.dump()); }
  /// The error's name for each device that failed.
  static json errors(const HttpResponse& response) {
    json names = json::object();
    const json body = json::parse(response.body);
    for (const json& error : body["errors"])
      names[error["deviceId"].get<std::string>()] = error["errorCode"];
    return names;
  }
  json device(const std::string& id) { return json::parse(call("GET", "/devices/" + id).body); }
  json twin(const std::string& id) { return json::parse(call("GET", "/twins/" + id).body); }
};

TEST_F(BulkTest, CreatesDevicesWithTwins) {
  const auto answer = bulk({{{"id", "a"}, {"importMode", "create"}},
                            {{"id", "b"},
                             {"importMode", "CreateOrUpdate"},
                             {"status", "disabled"},
                             {"tags", {{"ring", "x"}}},
                             {"properties", {{"desired", {{"v", 1}}}}}}});
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(json::parse(answer.body),
            json::parse(R"({"isSuccessful":true,"errors":[],"warnings":[]})"));
  EXPECT_EQ(device("a")["authentication"]["symmetricKey"]["primaryKey"].get<std::string>().size(),
            44U);
  EXPECT_EQ(device("b")["status"], "disabled");
  EXPECT_EQ(twin("b")["tags"]["ring"], "x");
  EXPECT_EQ(twin("b")["properties"]["desired"]["v"], 1);
}

TEST_F(BulkTest, TellsItemByItemWhatFailedAndDoesTheRest) {
  ASSERT_EQ(call("PUT", "/devices/old", "{}").status, 200);
  const auto answer = bulk({{{"id", "old"}, {"importMode", "create"}},
                            {{"id", "none"}, {"importMode", "Update"}},
                            {{"id", "new"}, {"importMode", "create"}},
                            {{"id", "new"}, {"importMode", "create"}},
                            {{"id", "m"}, {"moduleId", "x"}, {"importMode", "create"}},
                            {{"id", "odd"}, {"importMode", "replace"}},
                            {{"id", "b d"}, {"importMode", "create"}},
                            {{"importMode", "create"}}});
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.headers.find("iothub-errorcode"), "BulkRegistryOperationFailure");
  EXPECT_EQ(json::parse(answer.body)["isSuccessful"], false);
  EXPECT_EQ(errors(answer), json({{"old", "DeviceAlreadyExists"},
                                  {"none", "DeviceNotFound"},
                                  {"new", "DeviceDefinedMultipleTimes"},
                                  {"m", "InvalidOperation"},
                                  {"odd", "ArgumentInvalid"},
                                  {"b d", "ArgumentInvalid"},
                                  {"", "ArgumentInvalid"}}));
  EXPECT_EQ(call("GET", "/devices/new").status, 200);
  EXPECT_EQ(call("GET", "/devices/m").status, 404);
}

TEST_F(BulkTest, GuardsUpdatesAndDeletionsWithEtags) {
  ASSERT_EQ(bulk({{{"id", "a"}}, {{"id", "b"}}}).status, 200);
  const std::string etag = device("a")["etag"];
  EXPECT_EQ(errors(bulk({{{"id", "a"}, {"importMode", "UpdateIfMatchETag"}, {"eTag", "old"}},
                         {{"id", "b"}, {"importMode", "updateIfMatchETag"}}})),
            json({{"a", "PreconditionFailed"}, {"b", "ArgumentInvalid"}}));
  EXPECT_EQ(bulk({{{"id", "a"},
                   {"importMode", "UpdateIfMatchETag"},
                   {"etag", etag},
                   {"status", "disabled"}}})
                .status,
            200);
  EXPECT_EQ(device("a")["status"], "disabled");
  EXPECT_EQ(errors(bulk({{{"id", "a"}, {"importMode", "DeleteIfMatchETag"}, {"eTag", etag}}})),
            json({{"a", "PreconditionFailed"}}));
  EXPECT_EQ(bulk({{{"id", "a"}, {"importMode", "Delete"}}}).status, 200);
  EXPECT_EQ(call("GET", "/devices/a").status, 404);
}

TEST_F(BulkTest, UpdatesTwinsOfExistingDevicesOnly) {
  ASSERT_EQ(bulk({{{"id", "a"}, {"tags", {{"x", 1}}}}}).status, 200);
  RecordingLink link;
  core_->connected("a", link);
  EXPECT_EQ(bulk({{{"id", "a"},
                   {"importMode", "updateTwin"},
                   {"tags", {{"y", 2}}},
                   {"properties", {{"desired", {{"v", 2}}}}}}})
                .status,
            200);
  EXPECT_EQ(twin("a")["tags"], json({{"y", 2}}));
  EXPECT_THAT(link.patches, ::testing::SizeIs(1));
  EXPECT_EQ(errors(bulk({{{"id", "none"}, {"importMode", "updateTwin"}, {"tags", {{"y", 2}}}},
                         {{"id", "a"},
                          {"importMode", "updateTwinIfMatchETag"},
                          {"twinETag", "old"},
                          {"tags", {{"y", 3}}}}})),
            json({{"none", "DeviceNotFound"}, {"a", "PreconditionFailed"}}));
}

TEST_F(BulkTest, ClosesConnectionsOfDevicesThatItDisablesOrDeletes) {
  ASSERT_EQ(bulk({{{"id", "a"}}, {{"id", "b"}}}).status, 200);
  RecordingLink a;
  RecordingLink b;
  core_->connected("a", a);
  core_->connected("b", b);
  EXPECT_EQ(bulk({{{"id", "a"}, {"importMode", "update"}, {"status", "disabled"}},
                  {{"id", "b"}, {"importMode", "delete"}}})
                .status,
            200);
  EXPECT_NE(a.closed, "");
  EXPECT_NE(b.closed, "");
}

TEST_F(BulkTest, TakesAHundredAndNoMore) {
  json items = json::array();
  for (int i = 0; i < 100; ++i) items.push_back({{"id", "d" + std::to_string(i)}});
  EXPECT_EQ(bulk(items).status, 200);
  items.push_back({{"id", "d100"}});
  const auto answer = bulk(items);
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.headers.find("iothub-errorcode"), "TooManyDevices");
  EXPECT_EQ(call("GET", "/devices/d100").status, 404);
  EXPECT_EQ(bulk(json::array()).status, 400);
  EXPECT_EQ(call("POST", "/devices", "{}").status, 400);
}

TEST_F(BulkTest, SaysThatThereAreNoModules) {
  ASSERT_EQ(bulk({{{"id", "a"}}}).status, 200);
  EXPECT_EQ(call("GET", "/devices/a/modules").body, "[]");
  EXPECT_EQ(call("GET", "/devices/none/modules").status, 404);
  const auto put = call("PUT", "/devices/a/modules/m", "{}");
  EXPECT_EQ(put.status, 400);
  EXPECT_THAT(put.body, HasSubstr("no modules"));
  const auto get = call("GET", "/devices/a/modules/m");
  EXPECT_EQ(get.status, 404);
  EXPECT_EQ(get.headers.find("iothub-errorcode"), "ModuleNotFound");
}

}  // namespace
}  // namespace ota::hub
