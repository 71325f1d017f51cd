#include "cloud/hub/twin/twin.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cloud/hub/twin/json_text.hpp"

namespace ota::hub::twin {
namespace {

using nlohmann::json;

json merged(json document, const json& patch) {
  json metadata = json::object();
  merge(document, metadata, patch, {.time = "t", .version = std::nullopt});
  return document;
}

bool accepts(const std::string& text) {
  const auto value = parse_json(text, kPatchLimits);
  return value && check_content(value.value()).has_value();
}

TEST(TwinMerge, MergesObjectsAndReplacesEverythingElse) {
  EXPECT_EQ(merged({{"a", {{"b", 1}, {"c", 2}}}}, {{"a", {{"c", 3}}}, {"d", "x"}}),
            json({{"a", {{"b", 1}, {"c", 3}}}, {"d", "x"}}));
  EXPECT_EQ(merged({{"a", {{"b", 1}}}}, {{"a", 5}}), json({{"a", 5}}));
  EXPECT_EQ(merged({{"a", 5}}, {{"a", {{"b", 1}}}}), json({{"a", {{"b", 1}}}}));
  EXPECT_EQ(merged({{"a", {1, 2, 3}}}, {{"a", {9}}}), json({{"a", {9}}}));
}

TEST(TwinMerge, RemovesOnNullAndKeepsEmptyParents) {
  EXPECT_EQ(merged({{"a", {{"b", 1}}}}, {{"a", {{"b", nullptr}}}}), json({{"a", json::object()}}));
  EXPECT_EQ(merged({{"a", 1}}, {{"missing", nullptr}}), json({{"a", 1}}));
}

TEST(TwinMerge, CreatesNothingFromNullsAlone) {
  EXPECT_EQ(merged(json::object(), {{"a", {{"b", {{"c", nullptr}}}}}}), json::object());
  EXPECT_EQ(merged(json::object(), {{"a", {{"b", nullptr}, {"c", 1}}}}), json({{"a", {{"c", 1}}}}));
}

TEST(TwinMerge, StampsEveryNodeOnTheWayAndDropsRemovedOnes) {
  json document = {{"keep", 1}, {"fw", {{"v", 1}, {"old", 2}}}};
  json metadata = json::object();
  merge(document, metadata, document, {.time = "t1", .version = 2});
  merge(document, metadata, {{"fw", {{"v", 2}, {"old", nullptr}}}}, {.time = "t2", .version = 3});
  EXPECT_EQ(metadata["$lastUpdated"], "t2");
  EXPECT_EQ(metadata["fw"]["$lastUpdatedVersion"], 3);
  EXPECT_EQ(metadata["fw"]["v"]["$lastUpdated"], "t2");
  EXPECT_EQ(metadata["keep"]["$lastUpdated"], "t1");
  EXPECT_FALSE(metadata["fw"].contains("old"));
}

TEST(TwinMerge, LeavesNothingBehindOfAnObjectThatAValueReplaces) {
  json document = json::object();
  json metadata = json::object();
  merge(document, metadata, {{"a", {{"b", {{"c", 1}}}}}}, {.time = "t1", .version = std::nullopt});
  merge(document, metadata, {{"a", {{"b", 7}}}}, {.time = "t2", .version = std::nullopt});
  EXPECT_EQ(metadata["a"]["b"], json({{"$lastUpdated", "t2"}}));
  merge(document, metadata, {{"a", 7}}, {.time = "t3", .version = std::nullopt});
  EXPECT_EQ(metadata, json::parse(R"({"$lastUpdated":"t3","a":{"$lastUpdated":"t3"}})"));
}

TEST(TwinText, IsWhatTheLibraryWrites) {
  const json values = {
      json::object(),
      json::array(),
      nullptr,
      true,
      false,
      0,
      -1,
      4503599627370495,
      1.5,
      1e300,
      "",
      "plain",
      "\"quoted\" back\\slash",
      "line\nbreak\x01\x7f",
      "Gr\xc3\xbc\xc3\x9f"
      "e \xe2\x82\xac",
      "broken \xc3",
      {{"a\"b", {1, {{"c", {}}}, "d\te"}}, {"\xff", "x"}, {"z", {{"y", {{"x", 1}}}}}}};
  const auto written = [](const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
  };
  for (const json& value : values) EXPECT_EQ(json_to_text(value), written(value));
  EXPECT_EQ(json_to_text(values), written(values));
}

TEST(TwinRules, AcceptsWhatIotHubAccepts) {
  EXPECT_TRUE(accepts(
      R"({"a":{"b":[1,{"c":"x"}],"d":null},"e":-4503599627370496,"f":4503599627370495,"g":1.5})"));
  EXPECT_TRUE(accepts(R"({"1":{"2":{"3":{"4":{"5":{"6":{"7":{"8":{"9":{"10":{"v":1}}}}}}}}}}})"));
}

TEST(TwinRules, RefusesWhatIotHubRefuses) {
  EXPECT_FALSE(accepts("[1]"));
  EXPECT_FALSE(accepts("not json"));
  EXPECT_FALSE(accepts("\"text\""));
  EXPECT_FALSE(accepts(R"({"a":{"b":[1,null]}})"));
  EXPECT_FALSE(accepts(R"({"a":[{"b":null}]})"));
  EXPECT_FALSE(accepts(R"({"a.b":1})"));
  EXPECT_FALSE(accepts(R"({"$a":1})"));
  EXPECT_FALSE(accepts(R"({"a b":1})"));
  EXPECT_FALSE(accepts("{\"a\\u0001\":1}"));
  EXPECT_FALSE(accepts("{\"a\\u0085\":1}"));
  EXPECT_FALSE(accepts(R"({"a":4503599627370496})"));
  EXPECT_FALSE(accepts(R"({"a":-4503599627370497})"));
  EXPECT_FALSE(accepts(R"({"a":")" + std::string(4097, 'x') + "\"}"));
  EXPECT_FALSE(accepts(R"({")" + std::string(1025, 'k') + "\":1}"));
  EXPECT_FALSE(
      accepts(R"({"1":{"2":{"3":{"4":{"5":{"6":{"7":{"8":{"9":{"10":{"11":{"v":1}}}}}}}}}}}})"));
}

TEST(TwinRules, RefusesDeepNestingBeforeParsing) {
  const std::string deep(100'000, '[');
  const auto value = parse_json(deep, kPatchLimits);
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code, code::kArgumentInvalid);
  EXPECT_TRUE(accepts(R"({"a":"[[[[[[[[[[[[[[[[[[[[[[[[\"[[["})"));
}

TEST(TwinRules, LimitsSectionsByTheirOwnSize) {
  json document;
  for (int i = 0; i < 9; ++i) document["k" + std::to_string(i)] = std::string(1000, 'x');
  EXPECT_FALSE(check_size(document, Section::Tags));
  EXPECT_TRUE(check_size(document, Section::Reported));
  json exact = {{"k", std::string(4096, 'x')}, {"l", std::string(4094, 'x')}};
  EXPECT_TRUE(check_size(exact, Section::Tags));
  exact["l"] = std::string(4095, 'x');
  EXPECT_FALSE(check_size(exact, Section::Tags));
}

TEST(TwinDifference, LeadsFromOneDocumentToTheOther) {
  const json from = {{"a", {{"b", 1}, {"c", 2}}}, {"d", 3}, {"e", {1, 2}}};
  const json to = {{"a", {{"b", 1}, {"x", 2}}}, {"e", {2}}, {"f", {{"g", true}}}};
  const json patch = difference(from, to);
  EXPECT_EQ(
      patch,
      json({{"a", {{"c", nullptr}, {"x", 2}}}, {"d", nullptr}, {"e", {2}}, {"f", {{"g", true}}}}));
  EXPECT_EQ(merged(from, patch), to);
  EXPECT_EQ(difference(to, to), json::object());
}

TEST(TwinViews, ShowTheDeviceNoTagsAndNoMetadata) {
  EXPECT_EQ(device_view({.object = "{}", .version = 1}, {.object = R"({"a":1})", .version = 4}),
            R"({"desired":{"$version":1},"reported":{"a":1,"$version":4}})");
}

TEST(TwinEtag, CountsInEightBytes) {
  EXPECT_EQ(etag(1), "AAAAAAAAAAE=");
  EXPECT_EQ(next_etag("AAAAAAAAAAE="), "AAAAAAAAAAI=");
  EXPECT_EQ(next_etag(etag(255)), etag(256));
}

}  // namespace
}  // namespace ota::hub::twin
