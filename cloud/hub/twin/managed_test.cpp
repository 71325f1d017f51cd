#include "cloud/hub/twin/managed.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cloud/hub/twin/twin.hpp"

namespace ota::hub::twin {
namespace {

using nlohmann::json;

json after(json desired, const json& patch) {
  json metadata = json::object();
  merge(desired, metadata, patch, {});
  return desired;
}

TEST(ContentTree, ReadsDottedPaths) {
  const auto tree = content_tree({{"properties.desired.fw", {{"v", 1}}},
                                  {"properties.desired.a.b", 2},
                                  {"properties.desired", {{"c", 3}}}});
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree.value(), json({{"fw", {{"v", 1}}}, {"a", {{"b", 2}}}, {"c", 3}}));
}

TEST(ContentTree, RefusesOtherPathsAndBadContent) {
  EXPECT_FALSE(content_tree({{"properties.reported.a", 1}}));
  EXPECT_FALSE(content_tree({{"properties.desiredx", 1}}));
  EXPECT_FALSE(content_tree({{"properties.desired..a", 1}}));
  EXPECT_FALSE(content_tree({{"properties.desired", 1}}));
  EXPECT_FALSE(content_tree({{"properties.desired.a", {{"b c", 1}}}}));
  EXPECT_FALSE(content_tree(json::array({1})));
}

TEST(Overlay, LetsTheStrongerWinPerPath) {
  json tree = json::object();
  EXPECT_TRUE(add_weaker(tree, {{"fw", {{"v", 2}}}}));
  EXPECT_TRUE(add_weaker(tree, {{"fw", {{"v", 1}, {"url", "u"}}}}));
  EXPECT_FALSE(add_weaker(tree, {{"fw", {{"v", 0}}}}));
  EXPECT_EQ(tree, json({{"fw", {{"v", 2}, {"url", "u"}}}}));
}

TEST(ManagedPatch, SetsChangesAndRemovesWhatIsNoLongerManaged) {
  const json managed = {{"fw", {{"v", 1}, {"old", 1}}}, {"x", 1}};
  const json desired = {{"fw", {{"v", 1}, {"old", 1}, {"own", 7}}}, {"x", 1}, {"hand", 5}};
  const json wanted = {{"fw", {{"v", 2}}}};
  const json patch = managed_patch(wanted, managed, desired);
  EXPECT_EQ(patch, json({{"fw", {{"v", 2}, {"old", nullptr}}}, {"x", nullptr}}));
  EXPECT_EQ(after(desired, patch), json({{"fw", {{"v", 2}, {"own", 7}}}, {"hand", 5}}));
}

TEST(ManagedPatch, RemovesAnObjectThatWasManagedWhole) {
  const json managed = {{"fw", {{"v", 1}, {"in", {{"a", 1}}}}}};
  EXPECT_EQ(managed_patch(json::object(), managed, managed), json({{"fw", nullptr}}));
  const json with_own = {{"fw", {{"v", 1}, {"own", 2}, {"in", {{"a", 1}}}}}};
  EXPECT_EQ(managed_patch(json::object(), managed, with_own),
            json({{"fw", {{"v", nullptr}, {"in", nullptr}}}}));
}

TEST(ManagedPatch, PutsBackWhatSomebodyEdited) {
  const json wanted = {{"fw", {{"v", 2}}}};
  EXPECT_EQ(managed_patch(wanted, wanted, {{"fw", {{"v", 9}}}}), wanted);
  EXPECT_EQ(managed_patch(wanted, wanted, {{"fw", 3}}), wanted);
  EXPECT_EQ(managed_patch(wanted, wanted, json::object()), wanted);
  EXPECT_EQ(managed_patch(wanted, wanted, wanted), json::object());
}

TEST(ManagedPatch, DemandsAbsenceWithNull) {
  const json wanted = {{"a", nullptr}, {"b", {{"c", nullptr}}}};
  EXPECT_EQ(managed_patch(wanted, json::object(), {{"a", 1}}), json({{"a", nullptr}}));
  EXPECT_EQ(managed_patch(wanted, wanted, json::object()), json::object());
}

}  // namespace
}  // namespace ota::hub::twin
