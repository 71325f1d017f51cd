#include "contract/json/json_text.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace ota::contract {
namespace {

std::string nested(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

TEST(JsonText, ReadsUpToTheDepthThatServicesUse) {
  EXPECT_TRUE(read_json(nested(kJsonDepthMax)).is_array());
  EXPECT_TRUE(read_json(R"({"a":"[[[","b":"\"{{{"})").is_object());
}

TEST(JsonText, DiscardsWhatIsNestedDeeper) {
  EXPECT_TRUE(read_json(nested(kJsonDepthMax + 1)).is_discarded());
  EXPECT_TRUE(read_json(nested(1'000'000)).is_discarded());
}

TEST(JsonText, DiscardsWhatIsNoJson) {
  for (const char* text : {"", "{", "nul", "{\"a\":\xff}", "[1]]"}) {
    EXPECT_TRUE(read_json(text).is_discarded()) << text;
  }
}

TEST(JsonText, CountsLevelsOutsideOfTexts) {
  EXPECT_EQ(json_depth(R"({"a":[{"b":"]["}],"c":[]})"), 3U);
  EXPECT_EQ(json_depth(R"("\"[")"), 0U);
}

}  // namespace
}  // namespace ota::contract
