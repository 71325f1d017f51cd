#include "contract/azure/names.hpp"

#include <gtest/gtest.h>

namespace ota::contract {
namespace {

TEST(Names, BlobNameAndUrlAgree) {
  const Digest digest = sha256(bytes_of("abc"));
  const std::string name = blob_name("pump", 7, digest, "fw.bin");
  EXPECT_EQ(name, "pump/7/ba7816bf8f01cfea-fw.bin");
  const auto parts = parse_blob_url("https://a.blob.core.windows.net/firmware/" + name);
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ(parts->version, 7U);
  EXPECT_EQ(parts->sha256_prefix, "ba7816bf8f01cfea");
  EXPECT_FALSE(parse_blob_url("https://a/firmware/mcu_v7.bin").has_value());
  EXPECT_FALSE(parse_blob_url("https://a/x7/ba7816bf8f01cfea-fw.bin").has_value());
  EXPECT_FALSE(parse_blob_url("").has_value());
}

TEST(Names, ConfigurationIdsOfSimilarNamesDiffer) {
  const std::string id = configuration_id("Pump", "lab 1", 12, 1);
  EXPECT_TRUE(id.starts_with("ota-pump-lab-1-v12-r1-")) << id;
  EXPECT_NE(id, configuration_id("pump", "lab-1", 12, 1));
  EXPECT_TRUE(configuration_belongs_to(id, "Pump", "lab 1"));
  EXPECT_FALSE(configuration_belongs_to(id, "pump", "lab-1"));
  EXPECT_LE(
      configuration_id(std::string(64, 'p'), std::string(64, 'g'), 2147483647, 4294967295U).size(),
      128U);
}

TEST(Names, QuotesCannotEscapeTheCondition) {
  EXPECT_EQ(target_condition("o'hara", "a\\"),
            R"(tags.productType='o\'hara' AND tags.deviceGroup='a\\')");
}

TEST(Names, RefusesNamesThatCannotBeTags) {
  EXPECT_TRUE(check_product("o'hara pump"));
  EXPECT_FALSE(check_product(""));
  EXPECT_FALSE(check_product("a/b"));
  EXPECT_FALSE(check_product(".."));
  EXPECT_FALSE(check_group("line\nbreak"));
  EXPECT_FALSE(check_group(std::string(65, 'g')));
  EXPECT_TRUE(check_group("Prüfstand 7"));
  EXPECT_FALSE(check_group("\xC3"));
  EXPECT_FALSE(check_group("a\xFF"));
  EXPECT_FALSE(check_product("\x80"));
}

}  // namespace
}  // namespace ota::contract
