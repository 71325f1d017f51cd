// Automatic device management, seen through the service REST and the devices' links.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "cloud/hub/core/test_hub.hpp"
#include "contract/azure/names.hpp"

namespace ota::hub {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ConfigurationsTest : public HubTest {
 protected:
  void create_device(const std::string& id, const json& tags = json::object()) {
    ASSERT_EQ(call("PUT", "/devices/" + id, "{}").status, 200);
    ASSERT_EQ(call("PATCH", "/twins/" + id, json{{"tags", tags}}.dump()).status, 200);
  }
  static json configuration(const std::string& condition, int priority, const json& content) {
    return {{"content", {{"deviceContent", content}}},
            {"targetCondition", condition},
            {"priority", priority}};
  }
  HttpResponse put(const std::string& id, const json& body, bool update = false) {
    std::vector<std::pair<std::string, std::string>> headers;
    if (update) headers.emplace_back("If-Match", "\"*\"");
    return call("PUT", "/configurations/" + id, body.dump(), headers);
  }
  json twin(const std::string& id) { return json::parse(call("GET", "/twins/" + id).body); }
  json desired(const std::string& id) {
    json section = twin(id)["properties"]["desired"];
    section.erase("$metadata");
    section.erase("$version");
    return section;
  }
  std::string status(const std::string& device, const std::string& configuration) {
    const json all = twin(device).value("configurations", json::object());
    return all.contains(configuration) ? all[configuration]["status"] : "none";
  }
};

TEST_F(ConfigurationsTest, AppliesToTargetedDevicesAtOnceAndToNoOthers) {
  create_device("in", {{"ring", "a"}});
  create_device("out", {{"ring", "b"}});
  RecordingLink in;
  RecordingLink out;
  core_->connected("in", in);
  core_->connected("out", out);
  ASSERT_EQ(
      put("c1", configuration("tags.ring='a'", 1, {{"properties.desired.fw", {{"v", 1}}}})).status,
      200);
  ASSERT_THAT(in.patches, SizeIs(1));
  EXPECT_EQ(json::parse(in.patches[0]), json({{"fw", {{"v", 1}}}, {"$version", 2}}));
  EXPECT_THAT(out.patches, IsEmpty());
  EXPECT_EQ(status("in", "c1"), "Applied");
  EXPECT_EQ(status("out", "c1"), "none");
  const json shown = json::parse(call("GET", "/configurations/c1").body);
  EXPECT_EQ(shown["systemMetrics"]["results"], json({{"targetedCount", 1}, {"appliedCount", 1}}));
}

TEST_F(ConfigurationsTest, FollowsTagsInAndOut) {
  create_device("d", {{"ring", "b"}});
  put("c1", configuration("tags.ring='a'", 1, {{"properties.desired.fw", {{"v", 1}}}}));
  RecordingLink link;
  core_->connected("d", link);
  call("PATCH", "/twins/d", R"({"tags":{"ring":"a"}})");
  EXPECT_EQ(desired("d"), json({{"fw", {{"v", 1}}}}));
  call("PATCH", "/twins/d", R"({"tags":{"ring":null}})");
  EXPECT_EQ(desired("d"), json::object());
  ASSERT_THAT(link.patches, SizeIs(2));
  EXPECT_EQ(json::parse(link.patches[1]), json({{"fw", nullptr}, {"$version", 3}}));
  EXPECT_EQ(status("d", "c1"), "none");
}

TEST_F(ConfigurationsTest, LetsTheHigherPriorityWinPerPath) {
  create_device("d", {{"ring", "a"}});
  put("low", configuration("tags.ring='a'", 1,
                           {{"properties.desired.fw", {{"v", 1}}}, {"properties.desired.x", 1}}));
  put("high", configuration("*", 5, {{"properties.desired.fw", {{"v", 5}}}}));
  EXPECT_EQ(desired("d"), json({{"fw", {{"v", 5}}}, {"x", 1}}));
  EXPECT_EQ(status("d", "low"), "Applied");
  put("middle", configuration("*", 3, {{"properties.desired.fw", {{"v", 3}}}}));
  EXPECT_EQ(status("d", "middle"), "Targeted");
  EXPECT_EQ(call("DELETE", "/configurations/high").status, 204);
  EXPECT_EQ(desired("d"), json({{"fw", {{"v", 3}}}, {"x", 1}}));
  EXPECT_EQ(status("d", "middle"), "Applied");
}

TEST_F(ConfigurationsTest, LetsTheNewerWinAtEqualPriority) {
  create_device("d", {{"ring", "a"}});
  put("r1", configuration("*", 1, {{"properties.desired.fw", {{"v", 1}, {"sas", "old"}}}}));
  RecordingLink link;
  core_->connected("d", link);
  put("r2", configuration("*", 1, {{"properties.desired.fw", {{"v", 1}, {"sas", "new"}}}}));
  ASSERT_THAT(link.patches, SizeIs(1));
  EXPECT_EQ(json::parse(link.patches[0]), json({{"fw", {{"sas", "new"}}}, {"$version", 3}}));
  EXPECT_EQ(call("DELETE", "/configurations/r1").status, 204);
  EXPECT_THAT(link.patches, SizeIs(1));
  EXPECT_EQ(desired("d"), json({{"fw", {{"v", 1}, {"sas", "new"}}}}));
}

TEST_F(ConfigurationsTest, PutsBackWhatSomebodyEditedAndKeepsForeignProperties) {
  create_device("d");
  put("c", configuration("*", 1, {{"properties.desired.fw", {{"v", 1}}}}));
  call("PATCH", "/twins/d", R"({"properties":{"desired":{"fw":{"v":9,"own":true},"mine":1}}})");
  EXPECT_EQ(desired("d"), json({{"fw", {{"v", 1}, {"own", true}}}, {"mine", 1}}));
  call("DELETE", "/configurations/c");
  EXPECT_EQ(desired("d"), json({{"fw", {{"own", true}}}, {"mine", 1}}));
}

TEST_F(ConfigurationsTest, ReachesDevicesThatAppearLaterAndFollowsReportedProperties) {
  put("all", configuration("*", 1, {{"properties.desired.a", 1}}));
  put("old",
      configuration("properties.reported.fw.v < 2", 1, {{"properties.desired.fw", {{"v", 2}}}}));
  create_device("d");
  EXPECT_EQ(desired("d"), json({{"a", 1}}));
  patch_reported("d", R"({"fw":{"v":1}})", std::nullopt);
  EXPECT_EQ(desired("d"), json({{"a", 1}, {"fw", {{"v", 2}}}}));
  patch_reported("d", R"({"fw":{"v":2}})", std::nullopt);
  EXPECT_EQ(desired("d"), json({{"a", 1}}));
}

TEST_F(ConfigurationsTest, FollowsChangesOfConditionAndPriority) {
  create_device("a", {{"ring", "a"}});
  create_device("b", {{"ring", "b"}});
  put("c", configuration("tags.ring='a'", 1, {{"properties.desired.x", 1}}));
  ASSERT_EQ(put("c", configuration("tags.ring='b'", 1, {{"properties.desired.x", 1}}), true).status,
            200);
  EXPECT_EQ(desired("a"), json::object());
  EXPECT_EQ(desired("b"), json({{"x", 1}}));
  put("d", configuration("*", 5, {{"properties.desired.x", 5}}));
  EXPECT_EQ(desired("b"), json({{"x", 5}}));
  put("c", configuration("tags.ring='b'", 9, {{"properties.desired.x", 1}}), true);
  EXPECT_EQ(desired("b"), json({{"x", 1}}));
  EXPECT_EQ(desired("a"), json({{"x", 5}}));
}

TEST_F(ConfigurationsTest, RefusesAnotherContentAndASecondCreation) {
  const json body = configuration("*", 1, {{"properties.desired.x", 1}});
  EXPECT_EQ(put("c", body).status, 200);
  EXPECT_EQ(put("c", body).status, 409);
  EXPECT_EQ(put("c", configuration("*", 1, {{"properties.desired.x", 2}}), true).status, 400);
  EXPECT_EQ(put("none", body, true).status, 404);
  json read_back = json::parse(call("GET", "/configurations/c").body);
  read_back["labels"] = {{"a", "b"}};
  EXPECT_EQ(put("c", read_back, true).status, 200);
  EXPECT_EQ(call("DELETE", "/configurations/c", "", {{"If-Match", "\"stale\""}}).status, 412);
}

TEST_F(ConfigurationsTest, RefusesBadConfigurationsWithReasons) {
  const json content = {{"properties.desired.x", 1}};
  EXPECT_EQ(put("UPPER", configuration("*", 1, content)).status, 400);
  EXPECT_EQ(put("a%20b", configuration("*", 1, content)).status, 400);
  EXPECT_THAT(put("c", configuration("tags.ring=", 1, content)).body, HasSubstr("position 11"));
  EXPECT_THAT(put("c", configuration("connectionState='Connected'", 1, content)).body,
              HasSubstr("not connectionState"));
  EXPECT_EQ(put("c", configuration("*", -1, content)).status, 400);
  EXPECT_EQ(put("c", configuration("*", 1, {{"properties.reported.x", 1}})).status, 400);
  EXPECT_EQ(put("c", configuration("*", 1, {{"properties.desired.x", {{"a.b", 1}}}})).status, 400);
  EXPECT_EQ(put("c", json::object()).status, 400);
  json edge = configuration("*", 1, content);
  edge["content"]["modulesContent"]["$edgeAgent"] = {{"properties.desired", {{"x", 1}}}};
  EXPECT_THAT(put("c", edge).body, HasSubstr("no modules"));
  json metric = configuration("*", 1, content);
  metric["metrics"]["queries"]["bad"] = "select";
  EXPECT_THAT(put("c", metric).body, HasSubstr("metric 'bad'"));
  EXPECT_EQ(json::parse(call("GET", "/configurations").body), json::array());
}

TEST_F(ConfigurationsTest, HoldsAHundredConfigurations) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(
        put("c" + std::to_string(i), configuration("", 1, {{"properties.desired.x", 1}})).status,
        200);
  }
  EXPECT_EQ(put("c100", configuration("", 1, {{"properties.desired.x", 1}})).status, 403);
}

TEST_F(ConfigurationsTest, CountsCustomMetrics) {
  create_device("d", {{"ring", "a"}});
  json body = configuration("*", 1, {{"properties.desired.x", 1}});
  body["metrics"]["queries"]["ok"] =
      "SELECT deviceId FROM devices WHERE configurations.[[c]].status='Applied' AND "
      "properties.reported.state='ok'";
  put("c", body);
  EXPECT_EQ(json::parse(call("GET", "/configurations/c").body)["metrics"]["results"]["ok"], 0);
  patch_reported("d", R"({"state":"ok"})", std::nullopt);
  EXPECT_EQ(json::parse(call("GET", "/configurations/c").body)["metrics"]["results"]["ok"], 1);
  const json queries =
      json::parse(call("GET", "/configurations/c").body)["systemMetrics"]["queries"];
  for (const auto& item : queries.items()) {
    const auto answer = call("POST", "/devices/query", json{{"query", item.value()}}.dump());
    EXPECT_EQ(json::parse(answer.body).size(), 1U) << item.value();
  }
}

TEST_F(ConfigurationsTest, TestsQueriesWithoutStoring) {
  const auto answer = call("POST", "/configurations/testQueries",
                           R"({"targetCondition":"tags.a=","customMetricQueries":)"
                           R"({"good":"select deviceId from devices","bad":"x"}})");
  ASSERT_EQ(answer.status, 200);
  const json body = json::parse(answer.body);
  EXPECT_THAT(body["targetConditionError"].get<std::string>(), HasSubstr("position"));
  EXPECT_TRUE(body["customMetricQueryErrors"].contains("bad"));
  EXPECT_FALSE(body["customMetricQueryErrors"].contains("good"));
}

TEST_F(ConfigurationsTest, TargetsAProductWithAQuoteInItsName) {
  create_device("d", {{"productType", "o'hara"}, {"deviceGroup", "g\\"}});
  create_device("e", {{"productType", "o"}, {"deviceGroup", "g"}});
  const auto put_answer = put("c", configuration(contract::target_condition("o'hara", "g\\"), 1,
                                                 {{"properties.desired.x", 1}}));
  ASSERT_EQ(put_answer.status, 200) << put_answer.body;
  EXPECT_EQ(desired("d"), json({{"x", 1}}));
  EXPECT_EQ(desired("e"), json::object());
}

TEST_F(ConfigurationsTest, LeavesASectionAloneThatWouldGrowTooLarge) {
  create_device("d");
  json big = json::object();
  for (int i = 0; i < 8; ++i) big["k" + std::to_string(i)] = std::string(3500, 'x');
  call("PATCH", "/twins/d", json{{"properties", {{"desired", {{"own", big}}}}}}.dump());
  put("c", configuration("*", 1,
                         {{"properties.desired.big",
                           {{"a", std::string(4000, 'y')}, {"b", std::string(4000, 'y')}}}}));
  EXPECT_FALSE(desired("d").contains("big"));
  EXPECT_EQ(status("d", "c"), "Targeted");
}

TEST_F(ConfigurationsTest, RemembersItsRulesAcrossStarts) {
  put("c", configuration("tags.ring='a'", 1, {{"properties.desired.x", 1}}));
  open();
  create_device("d", {{"ring", "a"}});
  EXPECT_EQ(desired("d"), json({{"x", 1}}));
}

class CadenceTest : public ConfigurationsTest {
 protected:
  void SetUp() override {
    evaluate_every_s_ = 300;
    ConfigurationsTest::SetUp();
  }
  void next_cycle() {
    now_ += 300;
    core_->tick();
  }
};

TEST_F(CadenceTest, AppliesANewConfigurationAtOnceAndChangesOfDevicesAtTheCycle) {
  create_device("a", {{"ring", "x"}});
  create_device("b");
  put("c", configuration("tags.ring='x'", 1, {{"properties.desired.v", 1}}));
  EXPECT_EQ(desired("a"), json({{"v", 1}}));
  call("PATCH", "/twins/b", R"({"tags":{"ring":"x"}})");
  call("PATCH", "/twins/a", R"({"tags":{"ring":"y"}})");
  core_->tick();
  EXPECT_EQ(desired("b"), json::object());
  EXPECT_EQ(status("b", "c"), "none");
  EXPECT_EQ(status("a", "c"), "Applied");
  next_cycle();
  EXPECT_EQ(desired("b"), json({{"v", 1}}));
  EXPECT_EQ(status("b", "c"), "Applied");
  EXPECT_EQ(desired("a"), json::object());
  EXPECT_EQ(status("a", "c"), "none");
}

TEST_F(CadenceTest, CountsMetricsAtTheCycle) {
  create_device("a");
  json body = configuration("*", 1, {{"properties.desired.v", 1}});
  body["metrics"]["queries"]["ok"] =
      "SELECT deviceId FROM devices WHERE properties.reported.state='ok'";
  put("c", body);
  const auto results = [&] {
    const json shown = json::parse(call("GET", "/configurations/c").body);
    return std::pair<json, json>(shown["systemMetrics"]["results"]["targetedCount"],
                                 shown["metrics"]["results"]["ok"]);
  };
  EXPECT_EQ(results(), std::pair(json(1), json(0)));
  patch_reported("a", R"({"state":"ok"})", std::nullopt);
  create_device("b");
  EXPECT_EQ(results(), std::pair(json(1), json(0)));
  next_cycle();
  EXPECT_EQ(results(), std::pair(json(2), json(1)));
}

TEST_F(CadenceTest, PutsBackAManagedPathAtTheCycle) {
  create_device("a");
  put("c", configuration("*", 1, {{"properties.desired.v", 1}}));
  next_cycle();
  call("PATCH", "/twins/a", R"({"properties":{"desired":{"v":9}}})");
  EXPECT_EQ(desired("a"), json({{"v", 9}}));
  next_cycle();
  EXPECT_EQ(desired("a"), json({{"v", 1}}));
}

TEST_F(CadenceTest, EvaluatesAtTheNextStartWhatWaited) {
  put("c", configuration("*", 1, {{"properties.desired.v", 1}}));
  create_device("a");
  EXPECT_EQ(desired("a"), json::object());
  evaluate_every_s_ = 0;
  open();
  EXPECT_EQ(desired("a"), json({{"v", 1}}));
}

TEST_F(ConfigurationsTest, QueriesTwinsAndProjections) {
  create_device("a", {{"ring", "x"}});
  create_device("b", {{"ring", "x"}});
  const auto twins = call("POST", "/devices/query", R"({"query":"SELECT * FROM devices"})",
                          {{"x-ms-max-item-count", "1"}});
  EXPECT_EQ(twins.headers.find("x-ms-item-type"), "Twin") << twins.body;
  EXPECT_EQ(json::parse(twins.body)[0]["tags"]["ring"], "x");
  const auto token = twins.headers.find("x-ms-continuation");
  ASSERT_TRUE(token);
  const auto rest =
      call("POST", "/devices/query", R"({"query":"SELECT * FROM devices"})",
           {{"x-ms-max-item-count", "1"}, {"x-ms-continuation", std::string(*token)}});
  EXPECT_EQ(json::parse(rest.body)[0]["deviceId"], "b");
  EXPECT_FALSE(rest.headers.find("x-ms-continuation"));
  const auto count =
      call("POST", "/devices/query", R"({"query":"SELECT COUNT() AS n FROM devices"})");
  EXPECT_EQ(count.headers.find("x-ms-item-type"), "Raw");
  EXPECT_EQ(json::parse(count.body), json::parse(R"([{"n":2}])"));
  EXPECT_EQ(call("POST", "/devices/query", R"({"Query":"SELECT * FROM devices"})").status, 200);
  EXPECT_EQ(call("POST", "/devices/query", R"({"Query":5})").status, 400);
  const auto bad = call("POST", "/devices/query", R"({"query":"SELECT * FRM devices"})");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.headers.find("iothub-errorcode"), "ArgumentInvalid");
}

}  // namespace
}  // namespace ota::hub
