#include "contract/azure/shared_key.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"

namespace ota::contract {
namespace {

// The published key of the storage emulators; signatures computed independently with OpenSSL.
std::vector<std::byte> key() {
  return *from_base64(
      "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==");
}
constexpr std::string_view kAccount = "devstoreaccount1";

HeaderFields put_headers() {
  return {{"x-ms-version", "2021-12-02"},
          {"X-Ms-Date", "Tue, 01 Jan 2030 00:00:00 GMT"},
          {"Content-Type", "application/octet-stream"},
          {"Content-Length", "11"},
          {"x-ms-blob-type", "BlockBlob"},
          {"Host", "127.0.0.1:10000"}};
}

SharedKeyRequest put(const HeaderFields& headers) {
  return {.method = "PUT",
          .account = kAccount,
          .path = "/devstoreaccount1/fw/app.bin",
          .query = "",
          .headers = headers};
}

TEST(SharedKey, SignsAPut) {
  const HeaderFields headers = put_headers();
  EXPECT_EQ(shared_key_string_to_sign(put(headers)),
            "PUT\n\n\n11\n\napplication/octet-stream\n\n\n\n\n\n\n"
            "x-ms-blob-type:BlockBlob\nx-ms-date:Tue, 01 Jan 2030 00:00:00 GMT\n"
            "x-ms-version:2021-12-02\n/devstoreaccount1/devstoreaccount1/fw/app.bin");
  EXPECT_EQ(make_shared_key_authorization(put(headers), key()),
            "SharedKey devstoreaccount1:C2sQvzqmtzloS7pqfABmrVbjeCKQrCecB9AU+I+EpoQ=");
}

TEST(SharedKey, SignsAListWithItsQuerySorted) {
  const HeaderFields headers = {{"x-ms-date", "Tue, 01 Jan 2030 00:00:00 GMT"},
                                {"x-ms-version", "2021-12-02"}};
  const SharedKeyRequest list = {.method = "GET",
                                 .account = kAccount,
                                 .path = "/devstoreaccount1/fw",
                                 .query = "restype=container&comp=list&prefix=rel%2F",
                                 .headers = headers};
  EXPECT_EQ(make_shared_key_authorization(list, key()),
            "SharedKey devstoreaccount1:ml9S4dQVgoNzg1f4c7zBoQ6k9T98DMRqECLjQLy/0vk=");
}

TEST(SharedKey, AnEmptyBodyAndAReplacedDateAreSignedAsEmpty) {
  const HeaderFields headers = {{"Content-Length", "0"},
                                {"Date", "Mon, 31 Dec 2029 00:00:00 GMT"},
                                {"x-ms-date", "Tue, 01 Jan 2030 00:00:00 GMT"}};
  const auto text = shared_key_string_to_sign(put(headers));
  ASSERT_TRUE(text);
  EXPECT_TRUE(text->starts_with("PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:")) << *text;
}

TEST(SharedKey, FoldsWhiteSpaceAndJoinsRepeatedQueryNames) {
  const HeaderFields headers = {{"x-ms-meta-note", "  two \t words "}};
  SharedKeyRequest request = put(headers);
  request.query = "b=2&A=x&b=1";
  EXPECT_TRUE(shared_key_string_to_sign(request)->ends_with(
      "x-ms-meta-note:two words\n/devstoreaccount1/devstoreaccount1/fw/app.bin\na:x\nb:1,2"));
}

TEST(SharedKey, AcceptsItsOwnSignatureAndNoOther) {
  const HeaderFields headers = put_headers();
  const auto value = make_shared_key_authorization(put(headers), key());
  const auto parsed = parse_shared_key_authorization(*value);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->account, kAccount);
  EXPECT_TRUE(shared_key_signed_by(put(headers), parsed->signature, key()));

  HeaderFields changed = headers;
  changed.emplace_back("x-ms-meta-version", "2");
  EXPECT_FALSE(shared_key_signed_by(put(changed), parsed->signature, key()));
  EXPECT_FALSE(shared_key_signed_by(put(headers), "", key()));
}

TEST(SharedKey, AcceptsHeadersThatAreSortedAsWords) {
  HeaderFields headers = put_headers();
  for (const char* name : {"x-ms-meta-a1", "x-ms-meta-a_1", "x-ms-meta-ab", "x-ms-metab"})
    headers.emplace_back(name, "v");
  const auto text = shared_key_string_to_sign(put(headers), HeaderOrder::Words);
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("x-ms-meta-a_1:v\nx-ms-meta-a1:v\nx-ms-meta-ab:v\nx-ms-metab:v\n"),
            std::string::npos);
  EXPECT_NE(*text, shared_key_string_to_sign(put(headers)));
  EXPECT_TRUE(shared_key_signed_by(put(headers), shared_key_signature(*text, key()), key()));
}

TEST(SharedKey, SortsAsWordsByHyphensOnlyWhereNothingElseDiffers) {
  const HeaderFields headers = {{"x-ms-ab-c", "1"}, {"x-ms-a-bc", "2"}, {"x-ms-abc", "3"}};
  const auto text = shared_key_string_to_sign(put(headers), HeaderOrder::Words);
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("x-ms-abc:3\nx-ms-ab-c:1\nx-ms-a-bc:2\n"), std::string::npos);
}

TEST(SharedKey, RefusesOtherFormsOfAuthorization) {
  EXPECT_FALSE(parse_shared_key_authorization("Bearer x"));
  EXPECT_FALSE(parse_shared_key_authorization("SharedKey account"));
  EXPECT_FALSE(parse_shared_key_authorization("SharedKey :sig"));
  EXPECT_FALSE(parse_shared_key_authorization("SharedKey account:"));
}

TEST(SharedKey, AQueryThatCannotBeDecodedIsNeverSigned) {
  const HeaderFields headers = put_headers();
  SharedKeyRequest request = put(headers);
  request.query = "a=%zz";
  EXPECT_FALSE(shared_key_string_to_sign(request));
  EXPECT_FALSE(shared_key_signed_by(request, "AAAA", key()));
}

}  // namespace
}  // namespace ota::contract
