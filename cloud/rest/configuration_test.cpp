#include "cloud/rest/configuration.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace ota::rest {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(Configuration, WritesTheBodyOfAPut) {
  const Configuration configuration{
      .id = "ota-x",
      .labels = {{"product", "pump"}},
      .device_content = {{"properties.desired.fw", R"({"v":7})"}},
      .target_condition = "tags.p='pump'",
      .priority = 7,
      .metric_queries = {{"Applied", "SELECT deviceId FROM devices"}}};
  const auto expected = nlohmann::json::parse(R"({
    "id": "ota-x", "schemaVersion": "2.0", "labels": {"product": "pump"},
    "content": {"deviceContent": {"properties.desired.fw": {"v": 7}}},
    "targetCondition": "tags.p='pump'", "priority": 7,
    "metrics": {"queries": {"Applied": "SELECT deviceId FROM devices"}}})");
  EXPECT_EQ(nlohmann::json::parse(encode_configuration(configuration)), expected);
}

TEST(Configuration, ReadsWhatAHubAnswers) {
  const auto read = parse_configuration(R"({"id":"rel-1","schemaVersion":"1.0",
    "labels":{"release":"1.2.0","odd":5},
    "content":{"deviceContent":{"properties.desired.fw":{"v":"1.2"}},"moduleContent":null},
    "targetCondition":"tags.ring='canary'","createdTimeUtc":"2030-01-01T00:00:00.000Z",
    "priority":10,"systemMetrics":{"results":{"targetedCount":3,"appliedCount":2},"queries":{}},
    "metrics":{"results":{"ok":2},"queries":{"ok":"SELECT"}},"etag":"MQ=="})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id, "rel-1");
  EXPECT_THAT(read->labels, ElementsAre(Pair("release", "1.2.0")));
  EXPECT_THAT(read->device_content, ElementsAre(Pair("properties.desired.fw", R"({"v":"1.2"})")));
  EXPECT_EQ(read->priority, 10U);
  EXPECT_EQ(read->system_results.at("targetedCount"), 3);
  EXPECT_EQ(read->metric_results.at("ok"), 2);
  EXPECT_EQ(read->metric_queries.at("ok"), "SELECT");
  EXPECT_EQ(read->created, "2030-01-01T00:00:00.000Z");
  EXPECT_EQ(read->etag, "MQ==");
}

TEST(Configuration, OddDocumentsAreNeitherTrustedNorACrash) {
  for (const char* json : {"", "[]", "7", "{}", R"({"id":5})", R"({"id":""})"}) {
    EXPECT_FALSE(parse_configuration(json)) << json;
  }
  EXPECT_TRUE(parse_configuration(
      R"({"id":"x","labels":[],"content":5,"priority":-1,"metrics":{"results":{"a":"b"}}})"));
}

}  // namespace
}  // namespace ota::rest
