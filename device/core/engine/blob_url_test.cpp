#include "device/core/engine/blob_url.hpp"

#include <gtest/gtest.h>

namespace ota::engine {
namespace {

const Digest kAbc = sha256(bytes_of("abc"));  // ba7816bf8f01cfea...

TEST(BlobUrl, AgreesWhenVersionAndHashAreThoseOfTheKeys) {
  EXPECT_EQ(compare_blob_url("https://a.blob/fw/pump/7/ba7816bf8f01cfea-app.bin", 7, kAbc),
            UrlAgreement::Agrees);
}

TEST(BlobUrl, ContradictsWhenTheVersionOrTheHashIsOfAnotherRelease) {
  EXPECT_EQ(compare_blob_url("https://a.blob/fw/pump/6/ba7816bf8f01cfea-app.bin", 7, kAbc),
            UrlAgreement::Contradicts);
  EXPECT_EQ(compare_blob_url("https://a.blob/fw/pump/7/0a7816bf8f01cfea-app.bin", 7, kAbc),
            UrlAgreement::Contradicts);
}

TEST(BlobUrl, LeavesOtherFormsToTheKeys) {
  for (const char* url :
       {"https://a.blob/fw/ota.bin", "https://a.blob/7/app.bin", "", "/", "x",
        "https://a.blob/7/ba7816bf8f01cfe-app.bin", "https://a.blob/v7/ba7816bf8f01cfea-app.bin",
        "https://a.blob/7/ba7816bf8f01cfeaapp.bin",
        "https://a.blob/99999999999/ba7816bf8f01cfea-app.bin"}) {
    EXPECT_EQ(compare_blob_url(url, 7, kAbc), UrlAgreement::NotOurForm) << url;
  }
}

}  // namespace
}  // namespace ota::engine
