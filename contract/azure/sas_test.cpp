#include "contract/azure/sas.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "contract/azure/percent.hpp"

namespace ota::contract {
namespace {

// Vectors computed with an independent implementation: key = bytes 00h .. 1Fh, expiry
// 2030-01-01T00:00:00Z.
constexpr UnixSeconds kExpiry = 1893456000;

std::vector<std::byte> key() {
  return *from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
}
std::vector<std::byte> account_key() {
  return *from_base64(
      "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==");
}

TEST(HubSas, MatchesTheVectors) {
  EXPECT_EQ(make_hub_sas("contoso.azure-devices.net/devices/dev-001", key(), kExpiry),
            "SharedAccessSignature sr=contoso.azure-devices.net%2Fdevices%2Fdev-001"
            "&sig=AmfnyecLBjvAtasGjZfabHf%2BwoIf3wRRbG4nJr2aSM8%3D&se=1893456000");
  EXPECT_EQ(make_hub_sas("contoso.azure-devices.net", key(), kExpiry, "iothubowner"),
            "SharedAccessSignature "
            "sr=contoso.azure-devices.net&sig=tOdZHfP50MJRonIVYDukXZnLqoNvyLSGRIu7lBlYxoc%3D"
            "&se=1893456000&skn=iothubowner");
  EXPECT_EQ(make_hub_sas("0ne00000001/registrations/dev-001", key(), kExpiry, "registration"),
            "SharedAccessSignature sr=0ne00000001%2Fregistrations%2Fdev-001"
            "&sig=pzZemYtC9ifVKs2zu1zm32et5cNVBaNyMcWZDRC2Udc%3D&se=1893456000&skn=registration");
}

TEST(HubSas, VerifiesTheTextExactlyAsSent) {
  // The Node DPS client signs the resource with raw slashes; the order of fields varies by SDK.
  const auto token = parse_hub_sas(
      "SharedAccessSignature "
      "sr=0ne00000001/registrations/"
      "dev-001&sig=z%2BQnjVhQT8nS99gIlqszbhyoU%2FcbfLGD0woWt7WTD%2Fg%3D"
      "&skn=registration&se=1893456000");
  ASSERT_TRUE(token.has_value());
  EXPECT_EQ(token->resource, "0ne00000001/registrations/dev-001");
  EXPECT_EQ(token->policy, "registration");
  EXPECT_TRUE(hub_sas_signed_by(*token, key()));
  EXPECT_FALSE(hub_sas_signed_by(*token, account_key()));
}

TEST(HubSas, RefusesMalformedTokens) {
  for (const char* text :
       {"", "SharedAccessSignature ", "SharedAccessSignature sr=a&sig=b",
        "SharedAccessSignature sr=a&sig=b&se=oops", "SharedAccessSignature sr=%zz&sig=b&se=1",
        "SharedAccessSignature sr=a&sig=%2&se=1",
        "SharedAccessSignature sr=a&sig=b&se=99999999999999999999999", "Bearer sr=a&sig=b&se=1"}) {
    EXPECT_FALSE(parse_hub_sas(text).has_value()) << text;
  }
}

TEST(HubSas, DerivesTheDeviceKeyOfAGroup) {
  EXPECT_EQ(derive_device_key(key(), "dev-001"), "SV+2SImDP9Vx9XL3ACWx9N9ZFlb6ue3jKrTWmct/YVk=");
}

TEST(BlobSas, MatchesTheVectorsOfEachVersion) {
  BlobSasGrant grant{
      .account = "devstoreaccount1", .container = "fw", .blob = "app.bin", .expiry = kExpiry};
  const std::string sas = make_blob_sas(grant, account_key());
  EXPECT_NE(sas.find("sig=TDQZzaPMVg5Nk1yR6BY2bpRCEZql0%2FqlrHJ9CPiPAws%3D"), std::string::npos)
      << sas;
  EXPECT_EQ(blob_sas_expiry(sas), kExpiry);

  grant.blob.clear();
  grant.permissions = "rl";
  EXPECT_NE(make_blob_sas(grant, account_key())
                .find("sig=DyeLgAYuqZZ6whI1eMBhDIcqQYDgCiO3CGYdEin%2BU68%3D"),
            std::string::npos);

  BlobSasFields old;
  old.sp = "r";
  old.se = "2030-01-01T00:00:00Z";
  old.spr = "https";
  old.sv = "2019-02-02";
  old.sr = "b";
  const std::string text = blob_sas_string_to_sign(old, "/blob/devstoreaccount1/fw/app.bin");
  EXPECT_EQ(to_base64(hmac_sha256(account_key(), bytes_of(text))),
            "sLx9no+A3G1X8jKpyXnrKeD2/Td0XLD5/E2NTjXuB5w=");
}

TEST(Iso8601, ReadsTheFormsThatTokensUse) {
  EXPECT_EQ(parse_iso8601("2030-01-01"), kExpiry);
  EXPECT_EQ(parse_iso8601("2030-01-01T00:00Z"), kExpiry);
  EXPECT_EQ(parse_iso8601("2030-01-01T00:00:05Z"), kExpiry + 5);
  EXPECT_EQ(parse_iso8601("2030-01-01T00:00:05.1234567Z"), kExpiry + 5);
  EXPECT_EQ(to_iso8601(kExpiry + 3661), "2030-01-01T01:01:01Z");
  for (const char* text :
       {"", "2030", "2030-13-01", "2030-02-30", "2030-01-01T", "2030-01-01T00:00:00",
        "2030-01-01T25:00Z", "2030-01-01T00:00:00.Z", "2030-01-01T00:00:00ZZ", "+030-01-01"}) {
    EXPECT_FALSE(parse_iso8601(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace ota::contract
