// Vectors: computed with the public key of the storage emulator from the documented forms, apart
// from this code.

#include "cloud/hub/blob/blob_auth.hpp"

#include <gtest/gtest.h>

#include "cloud/hub/blob/blob_rig.hpp"

namespace ota::hub {
namespace {

constexpr contract::UnixSeconds k2029 = 1'893'455'999;

BlobAccount emulator() {
  return {"devstoreaccount1", *from_base64("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVEr"
                                           "Cz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==")};
}

BlobResult<BlobGrant> ask(const std::string& method, const std::string& target,
                          const Fields& fields, contract::UnixSeconds now = k2029) {
  auto request = parse_blob_request(BlobRig::head(method, target, fields), "devstoreaccount1", "");
  if (!request) return request.error();
  return authorize(request.value(), emulator(), now);
}

std::string code_of(const BlobResult<BlobGrant>& result) {
  return result ? "" : result.error().code;
}

TEST(BlobAuth, AcceptsSharedKeyOfAnUpload) {
  const Fields fields = {
      {"Content-Length", "11"},
      {"Content-Type", "application/octet-stream"},
      {"x-ms-blob-type", "BlockBlob"},
      {"x-ms-date", "Tue, 01 Jan 2030 00:00:00 GMT"},
      {"x-ms-version", "2021-12-02"},
      {"Authorization", "SharedKey devstoreaccount1:C2sQvzqmtzloS7pqfABmrVbjeCKQrCecB9AU+I+EpoQ="}};
  EXPECT_TRUE(ask("PUT", "/devstoreaccount1/fw/app.bin", fields));
  EXPECT_EQ(code_of(ask("PUT", "/devstoreaccount1/fw/other.bin", fields)), "AuthenticationFailed");
  EXPECT_EQ(code_of(ask("PUT", "/devstoreaccount1/fw/app.bin", fields, k2029 + 902)),
            "AuthenticationFailed");
}

TEST(BlobAuth, AcceptsSharedKeyOfAList) {
  const Fields fields = {
      {"x-ms-date", "Tue, 01 Jan 2030 00:00:00 GMT"},
      {"x-ms-version", "2021-12-02"},
      {"Authorization", "SharedKey devstoreaccount1:ml9S4dQVgoNzg1f4c7zBoQ6k9T98DMRqECLjQLy/0vk="}};
  EXPECT_TRUE(ask("GET", "/devstoreaccount1/fw?restype=container&comp=list&prefix=rel%2F", fields));
}

TEST(BlobAuth, AcceptsServiceSasOfEachForm) {
  const std::string common = "&spr=https&se=2030-01-01T00:00:00Z&sr=b&sp=r&sig=";
  EXPECT_TRUE(ask("GET",
                  "/devstoreaccount1/fw/app.bin?sv=2021-12-02" + common +
                      "TDQZzaPMVg5Nk1yR6BY2bpRCEZql0%2FqlrHJ9CPiPAws%3D",
                  {}));
  EXPECT_TRUE(ask("GET",
                  "/devstoreaccount1/fw/app.bin?sv=2019-02-02" + common +
                      "sLx9no%2BA3G1X8jKpyXnrKeD2%2FTd0XLD5%2FE2NTjXuB5w%3D",
                  {}));
  EXPECT_EQ(code_of(ask("GET",
                        "/devstoreaccount1/fw/app.bin?sv=2021-12-02" + common +
                            "sLx9no%2BA3G1X8jKpyXnrKeD2%2FTd0XLD5%2FE2NTjXuB5w%3D",
                        {})),
            "AuthenticationFailed");
}

TEST(BlobAuth, AcceptsContainerSasForEveryBlobInIt) {
  const std::string token =
      "?sv=2021-12-02&spr=https&se=2030-01-01T00:00:00Z&sr=c&sp=rl&sig="
      "DyeLgAYuqZZ6whI1eMBhDIcqQYDgCiO3CGYdEin%2BU68%3D";
  const auto grant = ask("GET", "/devstoreaccount1/fw/any/blob" + token, {});
  ASSERT_TRUE(grant);
  EXPECT_TRUE(grant.value().require("r", 'o'));
  EXPECT_TRUE(grant.value().require("l", 'c'));
  EXPECT_EQ(grant.value().require("d", 'o').error().code, "AuthorizationPermissionMismatch");
  EXPECT_EQ(grant.value().require("d", 'c').error().code, "AuthorizationPermissionMismatch");
  EXPECT_EQ(grant.value().require("r", 'c').error().code, "AuthorizationPermissionMismatch");
  EXPECT_EQ(code_of(ask("GET", "/devstoreaccount1/other/blob" + token, {})),
            "AuthenticationFailed");
}

TEST(BlobAuth, AcceptsAccountSas) {
  const auto grant =
      ask("GET",
          "/devstoreaccount1/"
          "?comp=list&sv=2021-12-02&ss=b&srt=sco&spr=https&se=2030-01-01T00:00:00Z&sp=rwdlac&sig="
          "Y126pM2rizRs%2FXpCBzxGjrZ0a0Nw6gQYoV%2FvZx5Ox0M%3D",
          {});
  ASSERT_TRUE(grant);
  EXPECT_TRUE(grant.value().require("c", 'c'));
}

TEST(BlobAuth, EndsAndBeginsOnTime) {
  BlobRig rig;
  const auto ask_at = [&rig](contract::UnixSeconds now) {
    const std::string token =
        rig.sas({.container = "fw", .blob = "a", .start = 1000, .expiry = 2000});
    auto request =
        parse_blob_request(BlobRig::head("GET", "/mcuota/fw/a?" + token, {}), "mcuota", "");
    return authorize(request.value(), rig.account, now).has_value();
  };
  EXPECT_FALSE(ask_at(999));
  EXPECT_TRUE(ask_at(1000));
  EXPECT_TRUE(ask_at(1999));
  EXPECT_FALSE(ask_at(2000));
}

TEST(BlobAuth, KeepsToTheProtocolsOfAToken) {
  BlobRig rig;
  const std::string https = rig.sas({.container = "fw", .blob = "a"});  // spr=https
  const auto ask_over = [&](bool encrypted) {
    RequestHead head = BlobRig::head("GET", "/mcuota/fw/a?" + https, {});
    head.encrypted = encrypted;
    auto request = parse_blob_request(std::move(head), "mcuota", "");
    return code_of(authorize(request.value(), rig.account, rig.now));
  };
  EXPECT_EQ(ask_over(true), "");
  EXPECT_EQ(ask_over(false), "AuthorizationProtocolMismatch");
}

TEST(BlobAuth, AsksForASignature) {
  EXPECT_EQ(code_of(ask("GET", "/devstoreaccount1/fw/app.bin", {})), "NoAuthenticationInformation");
  EXPECT_EQ(code_of(ask("GET", "/devstoreaccount1/fw/app.bin", {{"Authorization", "Bearer x"}})),
            "NoAuthenticationInformation");
}

TEST(BlobAuth, RefusesBrokenTokens) {
  for (const std::string query :
       {"sig=", "sig=x", "sv=2021-12-02&sig=%%%", "sv=2021-12-02&sr=b&sig=x&se=oops",
        "sv=x&ss=b&sig=y", "sv=2021-12-02&sr=d&sig=x", "sv=2021-12-02&sr=b&si=policy&sig=x"}) {
    auto request = parse_blob_request(BlobRig::head("GET", "/devstoreaccount1/fw/a?" + query, {}),
                                      "devstoreaccount1", "");
    if (request) {
      EXPECT_FALSE(authorize(request.value(), emulator(), k2029)) << query;
    }
  }
}

}  // namespace
}  // namespace ota::hub
