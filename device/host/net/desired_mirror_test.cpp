#include "device/host/net/desired_mirror.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ota::net {
namespace {

using Change = DesiredMirror::Change;

TEST(DesiredMirror, MergesPatchesInOrder) {
  DesiredMirror mirror;
  ASSERT_EQ(mirror.replace(R"({"desired":{"fw":{"a":1,"b":2},"$version":4},"reported":{}})"),
            Change::Applied);
  EXPECT_EQ(mirror.merge(5, R"({"fw":{"a":null,"c":3},"$version":5})"), Change::Applied);
  EXPECT_EQ(mirror.property("fw"), R"({"b":2,"c":3})");
  EXPECT_EQ(mirror.version(), 5U);
}

TEST(DesiredMirror, TellsStaleFromGap) {
  DesiredMirror mirror;
  ASSERT_EQ(mirror.replace(R"({"desired":{"$version":4}})"), Change::Applied);
  EXPECT_EQ(mirror.merge(4, R"({"fw":1})"), Change::Stale);
  EXPECT_EQ(mirror.merge(6, R"({"fw":1})"), Change::Gap);
  EXPECT_EQ(mirror.property("fw"), std::nullopt);
}

TEST(DesiredMirror, KeepsItsContentWhenBytesAreWrong) {
  DesiredMirror mirror;
  ASSERT_EQ(mirror.replace(R"({"desired":{"fw":1,"$version":1}})"), Change::Applied);
  for (const char* text : {"", "[]", "{", R"({"desired":1})", R"({"desired":{}})",
                           R"({"desired":{"$version":-1}})", R"({"desired":{"$version":"1"}})"}) {
    EXPECT_EQ(mirror.replace(text), Change::Malformed) << text;
  }
  EXPECT_EQ(mirror.merge(2, "[1]"), Change::Malformed);
  EXPECT_EQ(mirror.merge(2, std::string(200'000, ' ')), Change::Malformed);
  EXPECT_EQ(mirror.property("fw"), "1");
}

TEST(DesiredMirror, RefusesWhatIsNestedTooDeepToBePrinted) {
  const std::string deep = std::string(60'000, '[') + std::string(60'000, ']');
  DesiredMirror mirror;
  EXPECT_EQ(mirror.replace(R"({"desired":{"fw":)" + deep + R"(,"$version":1}})"),
            Change::Malformed);
  ASSERT_EQ(mirror.replace(R"({"desired":{"fw":1,"$version":1}})"), Change::Applied);
  EXPECT_EQ(mirror.merge(2, R"({"fw":)" + deep + "}"), Change::Malformed);
  EXPECT_EQ(mirror.property("fw"), "1");
}

TEST(DesiredMirror, ARemovedPropertyIsNothing) {
  DesiredMirror mirror;
  ASSERT_EQ(mirror.replace(R"({"desired":{"fw":{"a":1},"$version":1}})"), Change::Applied);
  ASSERT_EQ(mirror.merge(2, R"({"fw":null})"), Change::Applied);
  EXPECT_EQ(mirror.property("fw"), std::nullopt);
}

}  // namespace
}  // namespace ota::net
