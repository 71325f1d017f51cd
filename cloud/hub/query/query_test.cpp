#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cloud/hub/core/schema.hpp"
#include "cloud/hub/query/compiler.hpp"
#include "cloud/hub/query/run.hpp"
#include "cloud/hub/query/syntax.hpp"

namespace ota::hub::query {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class QueryTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(database_.migrate(kSchema)); }

  void add(const std::string& id, const json& tags, const json& reported = json::object(),
           const json& desired = json::object()) {
    const auto added = database_.execute(
        "INSERT INTO device_base (device_id, generation_id, device_etag, status, status_updated, "
        "authentication_type, tags, desired)"
        " VALUES (?1, 'g', 'e', 'enabled', '2030-01-01T00:00:00Z', 'sas', ?2, ?3)",
        {id, tags.dump(), desired.dump()});
    ASSERT_TRUE(added) << added.error().message;
    ASSERT_TRUE(database_.execute("UPDATE device_state SET reported = ?2 WHERE device_id = ?1",
                                  {id, reported.dump()}));
  }
  void target(const std::string& configuration, const std::string& device,
              const std::string& status) {
    ASSERT_TRUE(database_.execute("INSERT INTO target VALUES (?1, ?2, ?3)",
                                  {configuration, device, status}));
  }

  std::vector<std::string> ids(const std::string& where) {
    const auto page =
        run(database_,
            {.text = "SELECT * FROM devices WHERE " + where, .rows_max = 1000, .continuation = {}});
    EXPECT_TRUE(page) << where << ": " << page.error().message;
    return page ? page.value().items : std::vector<std::string>{"failed"};
  }
  json rows(const std::string& text) {
    const auto page = run(database_, {.text = text, .rows_max = 1000, .continuation = {}});
    EXPECT_TRUE(page) << text << ": " << page.error().message;
    json list = json::array();
    if (page) {
      for (const std::string& item : page.value().items) list.push_back(json::parse(item));
    }
    return list;
  }
  std::string error(const std::string& text) {
    const auto page = run(database_, {.text = text, .rows_max = 10, .continuation = {}});
    if (page) return "accepted";
    EXPECT_EQ(page.error().code, code::kArgumentInvalid);
    return page.error().message;
  }

  Database database_ = std::move(Database::open_in_memory()).value();
};

TEST_F(QueryTest, SelectsByTagsExactly) {
  add("a", {{"ring", "canary"}});
  add("b", {{"ring", "prod"}});
  add("c", {{"Ring", "canary"}});
  EXPECT_THAT(ids("tags.ring='canary'"), ElementsAre("a"));
  EXPECT_THAT(ids("TAGS.ring = \"canary\" and DeviceID = 'a'"), ElementsAre("a"));
  EXPECT_THAT(ids("tags.ring != 'canary'"), ElementsAre("b"));
  EXPECT_THAT(ids("deviceId IN ['a','c','zz']"), ElementsAre("a", "c"));
  EXPECT_THAT(ids("deviceId >= 'a' AND deviceId < 'b'"), ElementsAre("a"));
}

TEST_F(QueryTest, NeverHoldsAcrossTypesOrForUndefined) {
  add("number", {{"v", 1}});
  add("text", {{"v", "1"}});
  add("flag", {{"v", true}});
  add("object", {{"v", {{"x", 1}}}});
  add("absent", json::object());
  EXPECT_THAT(ids("tags.v = 1"), ElementsAre("number"));
  EXPECT_THAT(ids("tags.v = '1'"), ElementsAre("text"));
  EXPECT_THAT(ids("tags.v = true"), ElementsAre("flag"));
  EXPECT_THAT(ids("tags.v"), ElementsAre("flag"));
  EXPECT_THAT(ids("tags.v != 2"), ElementsAre("number"));
  EXPECT_THAT(ids("NOT tags.v = 2"), ElementsAre("number"));
  EXPECT_THAT(ids("tags.v = undefined"), IsEmpty());
  EXPECT_THAT(ids("NOT tags.v = undefined"), IsEmpty());
  EXPECT_THAT(ids("tags.v = tags.v"), ElementsAre("flag", "number", "text"));
  EXPECT_THAT(ids("NOT IS_DEFINED(tags.v)"), ElementsAre("absent"));
  EXPECT_THAT(ids("tags.v IN [1, true]"), ElementsAre("flag", "number"));
  EXPECT_THAT(ids("tags.v NIN [1]"), ElementsAre("flag", "text"));
  EXPECT_THAT(ids("tags.v = null"), IsEmpty());
  EXPECT_THAT(ids("1 = 'a'"), IsEmpty());
}

TEST_F(QueryTest, KnowsPrecedenceAndArithmetic) {
  add("a", {{"n", 7}, {"m", 2}});
  EXPECT_THAT(ids("tags.n = 1 AND tags.m = 3 OR tags.n = 7"), ElementsAre("a"));
  EXPECT_THAT(ids("tags.n = 7 OR tags.n = 1 AND tags.m = 3"), ElementsAre("a"));
  EXPECT_THAT(ids("(tags.n = 7 OR tags.n = 1) AND tags.m = 3"), IsEmpty());
  EXPECT_THAT(ids("tags.n + tags.m * 2 = 11 AND tags.n / 2 = 3.5 AND tags.n % 4 = 3"),
              ElementsAre("a"));
  EXPECT_THAT(ids("tags.n / 2 % 2 = 1.5 AND -7 % 4 = -3"), ElementsAre("a"));
  EXPECT_THAT(ids("tags.n % 0 = 0 OR tags.n / 0 = 0"), IsEmpty());
  EXPECT_THAT(ids("tags.n = 0x7 AND tags.n > -1e2"), ElementsAre("a"));
  EXPECT_THAT(ids("tags.n + 'x' = 1"), IsEmpty());
}

TEST_F(QueryTest, LooksIntoArrays) {
  add("a", {{"list", {1, "two", {{"x", 3}}}}, {"group", "g"}});
  add("b", {{"list", "1"}});
  EXPECT_THAT(ids("tags.list[0] = 1"), ElementsAre("a"));
  EXPECT_THAT(ids("devices.tags.list[1] = 'two'"), ElementsAre("a"));
  EXPECT_THAT(ids("tags.list[2].x = 3"), ElementsAre("a"));
  EXPECT_THAT(ids("IS_DEFINED(tags.list[3])"), IsEmpty());
  EXPECT_THAT(ids("tags.list = 1"), IsEmpty());
  EXPECT_THAT(ids("tags.[[group]] = 'g'"), ElementsAre("a"));
  EXPECT_EQ(rows("SELECT tags.list[1] AS second FROM devices WHERE deviceId = 'a'"),
            json::parse(R"([{"second":"two"}])"));
}

TEST_F(QueryTest, NeverInjectsWhatStandsInQuotes) {
  add("o'hara", {{"product", "o'hara"}, {"a'b", 1}, {"q\"r", 2}, {"back\\slash", 3}});
  add("other", {{"product", "x' OR '1'='1"}});
  EXPECT_THAT(ids(R"(tags.product='o\'hara')"), ElementsAre("o'hara"));
  EXPECT_THAT(ids(R"(tags.product="o'hara")"), ElementsAre("o'hara"));
  EXPECT_THAT(ids(R"(tags.product='x\' OR \'1\'=\'1')"), ElementsAre("other"));
  EXPECT_THAT(ids("tags.[[a'b]] = 1"), ElementsAre("o'hara"));
  EXPECT_THAT(ids("tags.[[q\"r]] = 2"), ElementsAre("o'hara"));
  EXPECT_THAT(ids("tags.[[back\\slash]] = 3"), ElementsAre("o'hara"));
  EXPECT_THAT(ids("tags.[[x') OR 1=1 --]] = 1"), IsEmpty());
  EXPECT_THAT(ids("tags.[[x\") OR 1=1 --]] = 1"), IsEmpty());
  EXPECT_THAT(ids("configurations.[[x') OR (1=1]].status = 'Applied'"), IsEmpty());
  EXPECT_THAT(ids(R"(tags.product='\u006f\u0027hara')"), ElementsAre("o'hara"));
}

TEST_F(QueryTest, FindsDevicesByConfigurationStatus) {
  add("a", json::object());
  add("b", json::object());
  target("rel-1.2.0", "a", "Applied");
  target("rel-1.2.0", "b", "Targeted");
  EXPECT_THAT(ids("configurations.[[rel-1.2.0]].status = 'Applied'"), ElementsAre("a"));
  EXPECT_THAT(ids("IS_DEFINED(configurations.[[rel-1.2.0]])"), ElementsAre("a", "b"));
  EXPECT_THAT(ids("IS_DEFINED(configurations.[[other]].status)"), IsEmpty());
  EXPECT_EQ(
      rows("SELECT deviceId, configurations FROM devices WHERE deviceId='a'"),
      json::parse(R"([{"deviceId":"a","configurations":{"rel-1.2.0":{"status":"Applied"}}}])"));
}

TEST_F(QueryTest, ProjectsMembersAndLeavesAbsentOnesOut) {
  add("a", {{"ring", "x"}, {"list", {1, 2}}}, {{"fw", {{"state", "ok"}}}});
  add("b", json::object());
  EXPECT_EQ(rows("SELECT DeviceId, tags.ring, tags.list AS l, properties.reported.fw.state, status "
                 "FROM devices"),
            json::parse(R"([{"deviceId":"a","ring":"x","l":[1,2],"state":"ok","status":"enabled"},
                            {"deviceId":"b","status":"enabled"}])"));
  EXPECT_EQ(rows("SELECT capabilities.iotEdge, properties.desired.$version FROM devices WHERE "
                 "deviceId='a'"),
            json::parse(R"([{"iotEdge":false,"$version":1}])"));
  EXPECT_EQ(rows("SELECT properties FROM devices WHERE deviceId='b'")[0]["properties"]["reported"]
                                                                     ["$version"],
            1);
}

TEST_F(QueryTest, AggregatesAndGroups) {
  add("a", json::object(), {{"fw", {{"state", "ok"}, {"n", 1}}}});
  add("b", json::object(), {{"fw", {{"state", "ok"}, {"n", 4}}}});
  add("c", json::object());
  EXPECT_EQ(rows("SELECT COUNT() AS n FROM devices"), json::parse(R"([{"n":3}])"));
  EXPECT_EQ(rows("SELECT COUNT() AS n FROM devices WHERE deviceId='none'"),
            json::parse(R"([{"n":0}])"));
  EXPECT_EQ(rows("SELECT AVG(properties.reported.fw.n) AS a, SUM(properties.reported.fw.n) AS s, "
                 "MIN(deviceId) AS f,"
                 " MAX(properties.reported.fw.n) AS m FROM devices"),
            json::parse(R"([{"a":2.5,"s":5,"f":"a","m":4}])"));
  EXPECT_EQ(rows("SELECT properties.reported.fw.state AS s, COUNT() AS n FROM devices GROUP BY "
                 "properties.reported.fw.state"),
            json::parse(R"([{"n":1},{"s":"ok","n":2}])"));
  EXPECT_EQ(rows("SELECT AVG(tags.none) AS a FROM devices"), json::parse("[{}]"));
}

TEST_F(QueryTest, PagesWithTokensThatBelongToOneQuery) {
  for (char c = 'a'; c <= 'e'; ++c) add(std::string(1, c), json::object());
  const std::string text = "SELECT deviceId FROM devices";
  auto first = run(database_, {.text = text, .rows_max = 2, .continuation = {}});
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->continuation);
  const auto second =
      run(database_, {.text = text, .rows_max = 2, .continuation = *first->continuation});
  EXPECT_THAT(second.value().items, ElementsAre(R"({"deviceId":"c"})", R"({"deviceId":"d"})"));
  const auto third =
      run(database_, {.text = text, .rows_max = 2, .continuation = *second.value().continuation});
  EXPECT_THAT(third.value().items, ElementsAre(R"({"deviceId":"e"})"));
  EXPECT_FALSE(third.value().continuation);
  EXPECT_FALSE(
      run(database_,
          {.text = "SELECT * FROM devices", .rows_max = 2, .continuation = *first->continuation}));
  EXPECT_FALSE(run(database_, {.text = text, .rows_max = 2, .continuation = "garbage"}));
}

TEST_F(QueryTest, EndsAnExactPageWithoutAToken) {
  add("a", json::object());
  add("b", json::object());
  EXPECT_FALSE(run(database_, {.text = "SELECT * FROM devices", .rows_max = 2, .continuation = {}})
                   .value()
                   .continuation);
}

TEST_F(QueryTest, CountsTopAcrossPages) {
  for (char c = 'a'; c <= 'e'; ++c) add(std::string(1, c), json::object());
  const std::string text = "SELECT TOP 3 * FROM devices";
  const auto first = run(database_, {.text = text, .rows_max = 2, .continuation = {}});
  ASSERT_TRUE(first.value().continuation);
  const auto second =
      run(database_, {.text = text, .rows_max = 2, .continuation = *first.value().continuation});
  EXPECT_THAT(second.value().items, ElementsAre("c"));
  EXPECT_FALSE(second.value().continuation);
}

TEST_F(QueryTest, NamesThePositionOfAnError) {
  EXPECT_THAT(error("SELECT * FRM devices"), HasSubstr("position 10: expected FROM, found 'FRM'"));
  EXPECT_THAT(error("SELECT * FROM devices WHERE tags.a ="), HasSubstr("found the end"));
  EXPECT_THAT(error("SELECT * FROM devices WHERE tag.a = 1"),
              HasSubstr("position 29: 'tag' is not a member"));
  EXPECT_THAT(error("SELECT * FROM devices WHERE tags.a = 'x"),
              HasSubstr("position 38: this string has no end"));
  EXPECT_THAT(error("SELECT * FROM devices WHERE STARTSWITH(deviceId,'a')"),
              HasSubstr("only IS_DEFINED"));
  EXPECT_THAT(error("SELECT * FROM devices; DROP TABLE device"), HasSubstr("position 22"));
  EXPECT_THAT(error("SELECT * FROM devices.files"), HasSubstr("expected modules or jobs"));
  EXPECT_THAT(error("SELECT deviceId FROM devices.jobs"), HasSubstr("only SELECT *"));
  EXPECT_THAT(error("SELECT * FROM devices.jobs WHERE tags.a = 1"),
              HasSubstr("not a member of devices.jobs"));
  EXPECT_THAT(error("SELECT * FROM devices WHERE tags.group = 1"), HasSubstr("[[group]]"));
  EXPECT_THAT(error("SELECT * FROM devices WHERE tags.a[x] = 1"), HasSubstr("counted from 0"));
  EXPECT_THAT(error("SELECT TOP 0 * FROM devices"), HasSubstr("TOP"));
  EXPECT_THAT(error("SELECT tags.a, COUNT() FROM devices"), HasSubstr("GROUP BY"));
  EXPECT_THAT(error("SELECT * FROM devices WHERE deviceId IN []"), HasSubstr("expected a string"));
  EXPECT_THAT(error(""), HasSubstr("expected SELECT"));
}

TEST_F(QueryTest, BoundsLengthAndDepth) {
  EXPECT_THAT(error("SELECT * FROM devices WHERE deviceId='" + std::string(8200, 'x') + "'"),
              HasSubstr("limit is 8192"));
  EXPECT_THAT(
      error("SELECT * FROM devices WHERE " + std::string(500, '(') + "1=1" + std::string(500, ')')),
      HasSubstr("deep"));
  std::string chain = "1=2";
  while (chain.size() < 8000) chain += " OR 1=2";
  EXPECT_THAT(ids(chain), IsEmpty());
  std::string sum = "1";
  while (sum.size() < 8000) sum += "+1";
  EXPECT_THAT(error("SELECT * FROM devices WHERE " + sum + "=2"), HasSubstr("too many"));
  EXPECT_THAT(ids(std::string(99, '(') + "1=2" + std::string(99, ')')), IsEmpty());
}

TEST_F(QueryTest, CountsRowsForMetrics) {
  add("a", {{"r", "x"}});
  add("b", {{"r", "x"}});
  EXPECT_EQ(count_rows(database_, "select deviceId from devices where tags.r='x'").value(), 2);
  EXPECT_EQ(count_rows(database_, "select tags.q from devices").value(), 2);
  EXPECT_EQ(
      count_rows(database_, "select tags.r, count() as n from devices group by tags.r").value(), 1);
  EXPECT_EQ(count_rows(database_, "select count() as n from devices").value(), 1);
  EXPECT_EQ(count_rows(database_, "select * from devices.modules").value(), 0);
  EXPECT_EQ(problem_of("select deviceId from devices"), std::nullopt);
  EXPECT_NE(problem_of("select from"), std::nullopt);
}

TEST_F(QueryTest, KnowsWhatAConditionReads) {
  const auto condition =
      parse_condition("tags.a = 1 AND (IS_DEFINED(properties.reported.x) OR deviceId IN ['a'])");
  const Reads reads = reads_of(*condition.value());
  EXPECT_TRUE(reads.tags);
  EXPECT_TRUE(reads.reported);
  EXPECT_FALSE(reads.desired);
  EXPECT_EQ(reads.other, "");
  EXPECT_EQ(reads_of(*parse_condition("NOT connectionState = 'Connected'").value()).other,
            "connectionState");
}

}  // namespace
}  // namespace ota::hub::query
