#include "contract/json/offer_json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/encoding.hpp"

namespace ota::contract {
namespace {

nlohmann::json valid() {
  return {{"version", 7},
          {"size", 700000},
          {"url", "https://acct.blob.core.windows.net/firmware/pump/7/ba7816bf8f01cfea-fw.bin"},
          {"sas", "sv=2021-12-02&sig=abc%3D"},
          {"sha256", std::string(64, 'A')},
          {"somethingNew", true}};
}

std::string detail_with(const char* key, nlohmann::json value) {
  nlohmann::json object = valid();
  object[key] = std::move(value);
  const auto offer = parse_offer(object.dump());
  return offer ? "accepted" : offer.error().detail;
}

TEST(Offer, TakesTheSamplesKeysAndFillsInOurs) {
  const auto offer = parse_offer(valid().dump());
  ASSERT_TRUE(offer) << offer.error().detail;
  EXPECT_EQ(offer->version, 7U);
  EXPECT_EQ(offer->size_bytes, 700000U);
  EXPECT_EQ(to_hex(offer->sha256), std::string(64, 'a'));
  EXPECT_EQ(offer->mcu_version, "7");
  EXPECT_EQ(offer->attempt, 0U);
  EXPECT_TRUE(offer->product.empty());
}

TEST(Offer, ReadsBackWhatItWrites) {
  nlohmann::json object = valid();
  object["product"] = "pump";
  object["mcuVersion"] = "2.1.0";
  object["attempt"] = 3;
  const auto offer = parse_offer(object.dump());
  ASSERT_TRUE(offer);
  const auto again = parse_offer(encode_offer(*offer));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *offer);
}

TEST(Offer, NamesTheKeyThatIsWrong) {
  EXPECT_NE(detail_with("version", 0).find("'version' must be in 1"), std::string::npos);
  EXPECT_NE(detail_with("version", -1).find("'version'"), std::string::npos);
  EXPECT_NE(detail_with("version", 2147483648U).find("'version'"), std::string::npos);
  EXPECT_NE(detail_with("version", "7").find("'version' must be an integer"), std::string::npos);
  EXPECT_NE(detail_with("version", 7.5).find("'version' must be an integer"), std::string::npos);
  EXPECT_NE(detail_with("version", 1e300).find("'version'"), std::string::npos);
  EXPECT_NE(detail_with("size", 0).find("'size'"), std::string::npos);
  EXPECT_NE(detail_with("size", nullptr).find("'size' is missing"), std::string::npos);
  EXPECT_NE(detail_with("url", "ftp://x").find("'url'"), std::string::npos);
  EXPECT_NE(detail_with("url", "https://x/a?sig=1").find("'url'"), std::string::npos);
  EXPECT_NE(detail_with("url", "https://x/a b").find("'url'"), std::string::npos);
  EXPECT_NE(detail_with("url", std::string(5000, 'u')).find("'url' is longer"), std::string::npos);
  EXPECT_NE(detail_with("sha256", "abc").find("'sha256' must be 64"), std::string::npos);
  EXPECT_NE(detail_with("sas", "a\r\nHost: evil").find("'sas'"), std::string::npos);
  EXPECT_NE(detail_with("product", nlohmann::json::array()).find("'product' must be a string"),
            std::string::npos);
  EXPECT_EQ(detail_with("attempt", 2.0), "accepted");
}

TEST(Offer, KeepsVersionAndAttemptOfARefusedOffer) {
  nlohmann::json object = valid();
  object["attempt"] = 4;
  object["sha256"] = 12;
  const auto offer = parse_offer(object.dump());
  ASSERT_FALSE(offer);
  EXPECT_EQ(offer.error().version, 7U);
  EXPECT_EQ(offer.error().attempt, 4U);
}

TEST(Offer, SurvivesWhatIsNotAnObject) {
  for (const char* text :
       {"", "null", "[]", "\"x\"", "{", "{\"version\":", "\xff\xfe", "[[[[[[[["}) {
    EXPECT_FALSE(parse_offer(text)) << text;
  }
  EXPECT_FALSE(parse_offer(std::string(40000, '[')));
}

}  // namespace
}  // namespace ota::contract
