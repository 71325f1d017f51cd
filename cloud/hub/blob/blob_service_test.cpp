#include "cloud/hub/blob/blob_service.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>

#include "cloud/hub/blob/blob_rig.hpp"
#include "cloud/hub/blob/blob_xml.hpp"
#include "cloud/hub/blob/crc64.hpp"
#include "cloud/hub/blob/md5.hpp"
#include "contract/azure/percent.hpp"

namespace ota::hub {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct BlobServiceTest : ::testing::Test {
  void SetUp() override { ASSERT_EQ(rig.call("PUT", "/images?restype=container").status, 201); }
  BlobRig rig;
};

std::string md5_of(std::string_view text) {
  Md5 md5;
  md5.update(bytes_of(text));
  return md5.finish();
}

std::string crc64_of(std::string_view text) {
  Crc64 crc64;
  crc64.update(bytes_of(text));
  return crc64.text();
}

TEST_F(BlobServiceTest, MakesAndRemovesContainers) {
  EXPECT_EQ(rig.call("PUT", "/images?restype=container").code(), "ContainerAlreadyExists");
  EXPECT_EQ(rig.call("GET", "/images?restype=container").status, 200);
  EXPECT_EQ(rig.call("PUT", "/fw?restype=container").code(), "OutOfRangeInput");
  EXPECT_EQ(rig.call("GET", "/none?restype=container").code(), "ContainerNotFound");
  rig.put("/images/a", "x");
  EXPECT_EQ(rig.call("DELETE", "/images?restype=container").status, 202);
  EXPECT_EQ(rig.call("GET", "/images/a").code(), "ContainerNotFound");
  EXPECT_EQ(rig.content_files(), 0U);
}

TEST_F(BlobServiceTest, GivesBackWhatWasPut) {
  const auto put = rig.put("/images/p/1/app.bin", "hello",
                           {{"Content-Type", "application/x-fw"}, {"x-ms-meta-Version", "7"}});
  ASSERT_EQ(put.status, 201) << put.body;
  EXPECT_EQ(put.header("Content-MD5"), md5_of("hello"));
  const auto got = rig.call("GET", "/images/p/1/app.bin");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "hello");
  EXPECT_EQ(got.header("ETag"), put.header("ETag"));
  EXPECT_EQ(got.header("Content-Type"), "application/x-fw");
  EXPECT_EQ(got.header("Content-MD5"), md5_of("hello"));
  EXPECT_EQ(got.header("x-ms-meta-version"), "7");
  EXPECT_EQ(got.header("x-ms-blob-type"), "BlockBlob");
  const auto head = rig.call("HEAD", "/images/p/1/app.bin");
  EXPECT_EQ(head.header("Content-Length"), "5");
  EXPECT_EQ(head.body, "");
}

TEST_F(BlobServiceTest, KeepsBlobsAcrossRestarts) {
  rig.put("/images/a", "kept");
  rig.reopen();
  EXPECT_EQ(rig.call("GET", "/images/a").body, "kept");
}

TEST_F(BlobServiceTest, KeepsNamesInsideItsDirectory) {
  for (const std::string name :
       {"..%2F..%2Fescape", "../escape", "a/../../b", "%2Fetc%2Fpasswd", "con%0Atrol"}) {
    EXPECT_EQ(rig.put("/images/" + name, name).status, 201) << name;
    EXPECT_EQ(rig.call("GET", "/images/" + name).body, name);
  }
  EXPECT_EQ(rig.content_files(), 5U);
  EXPECT_FALSE(std::filesystem::exists(rig.scratch.path() + "/escape"));
  EXPECT_EQ(rig.put("/images/a%00b", "x").code(), "InvalidResourceName");
  EXPECT_EQ(rig.call("PUT", "/..?restype=container").code(), "InvalidResourceName");
}

TEST_F(BlobServiceTest, AnswersRanges) {
  rig.put("/images/a", "0123456789");
  struct Case {
    std::string range;
    int status;
    std::string body;
    std::string content_range;
  };
  const Case cases[] = {
      {"bytes=0-3", 206, "0123", "bytes 0-3/10"}, {"bytes=0-", 206, "0123456789", "bytes 0-9/10"},
      {"bytes=5-", 206, "56789", "bytes 5-9/10"}, {"bytes=8-100", 206, "89", "bytes 8-9/10"},
      {"bytes=9-9", 206, "9", "bytes 9-9/10"},    {"bytes=-3", 200, "0123456789", ""},
      {"bytes=5-4", 200, "0123456789", ""},       {"bytes=0-1,3-4", 200, "0123456789", ""},
      {"lines=0-1", 200, "0123456789", ""},       {"bytes=x-y", 200, "0123456789", ""},
      {"BYTES=0-1", 206, "01", "bytes 0-1/10"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.range);
    const auto got = rig.call("GET", "/images/a", {{"Range", c.range}});
    EXPECT_EQ(got.status, c.status);
    EXPECT_EQ(got.body, c.body);
    EXPECT_EQ(got.header("Content-Range"), c.content_range);
    EXPECT_EQ(got.header("x-ms-blob-content-md5"), c.status == 206 ? md5_of("0123456789") : "");
  }
  const auto beyond = rig.call("GET", "/images/a", {{"Range", "bytes=10-"}});
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.code(), "InvalidRange");
  EXPECT_EQ(beyond.header("Content-Range"), "bytes */10");
  EXPECT_EQ(
      rig.call("GET", "/images/a", {{"Range", "bytes=0-1"}, {"x-ms-range", "bytes=2-3"}}).body,
      "23");
  const auto with_md5 = rig.call("GET", "/images/a",
                                 {{"Range", "bytes=2-3"}, {"x-ms-range-get-content-md5", "true"}});
  EXPECT_EQ(with_md5.header("Content-MD5"), md5_of("23"));
}

TEST_F(BlobServiceTest, HonoursConditions) {
  const std::string etag = rig.put("/images/a", "one").header("ETag");
  EXPECT_EQ(rig.call("GET", "/images/a", {{"If-Match", etag}}).status, 200);
  EXPECT_EQ(rig.call("GET", "/images/a", {{"If-Match", "\"other\""}}).code(), "ConditionNotMet");
  EXPECT_EQ(rig.call("GET", "/images/none", {{"If-Match", "*"}}).status, 412);
  EXPECT_EQ(rig.call("GET", "/images/a", {{"If-None-Match", etag}}).status, 304);
  EXPECT_EQ(rig.call("GET", "/images/a", {{"If-None-Match", "*"}}).code(),
            "UnsatisfiableCondition");
  EXPECT_EQ(rig.call("GET", "/images/a", {{"If-Modified-Since", to_http_date(rig.now)}}).status,
            304);
  EXPECT_EQ(
      rig.call("GET", "/images/a", {{"If-Unmodified-Since", to_http_date(rig.now - 1)}}).status,
      412);
  EXPECT_EQ(rig.put("/images/a", "two", {{"If-None-Match", "*"}}).code(), "BlobAlreadyExists");
  EXPECT_EQ(rig.put("/images/a", "two", {{"If-Match", "\"other\""}}).status, 412);
  EXPECT_EQ(rig.put("/images/new", "two", {{"If-None-Match", "*"}}).status, 201);
  EXPECT_EQ(rig.put("/images/a", "two", {{"If-Match", etag}}).status, 201);
  EXPECT_EQ(rig.call("GET", "/images/a", {{"Range", "bytes=0-1"}, {"If-Match", etag}}).status, 412);
  EXPECT_EQ(rig.call("DELETE", "/images/a", {{"If-Match", etag}}).status, 412);
  EXPECT_EQ(rig.call("DELETE", "/images/a").status, 202);
  EXPECT_EQ(rig.call("GET", "/images/a").code(), "BlobNotFound");
}

TEST_F(BlobServiceTest, ChecksTheDigestOfAnUpload) {
  EXPECT_EQ(rig.put("/images/a", "hello", {{"Content-MD5", md5_of("hello")}}).status, 201);
  EXPECT_EQ(rig.put("/images/b", "hello", {{"Content-MD5", md5_of("other")}}).code(),
            "Md5Mismatch");
  EXPECT_EQ(rig.put("/images/b", "hello", {{"Content-MD5", "nonsense"}}).code(), "InvalidMd5");
  EXPECT_EQ(rig.call("GET", "/images/b").status, 404);
  EXPECT_EQ(rig.content_files(), 1U);
}

TEST_F(BlobServiceTest, ChecksTheCrc64OfAnUpload) {
  const std::string list = "<BlockList><Latest>aWQw</Latest></BlockList>";
  struct Case {
    std::string target;
    std::string body;
  };
  const Case cases[] = {{"/images/a", "hello"},
                        {"/images/b?comp=block&blockid=aWQw", "hello"},
                        {"/images/b?comp=blocklist", list}};
  for (const auto& [target, body] : cases) {
    SCOPED_TRACE(target);
    for (const char* nonsense : {"nonsense", "AAAA", ""}) {
      EXPECT_EQ(rig.put(target, body, {{"x-ms-content-crc64", nonsense}}).code(),
                "InvalidHeaderValue");
    }
    EXPECT_EQ(rig.put(target, body, {{"x-ms-content-crc64", crc64_of("other")}}).code(),
              "Crc64Mismatch");
    const std::string right = crc64_of(body);
    EXPECT_EQ(rig.put(target, body, {{"x-ms-content-crc64", right}, {"Content-MD5", md5_of(body)}})
                  .code(),
              "BothCrc64AndMd5HeaderPresent");
    EXPECT_EQ(rig.call("GET", "/images/a").status == 200, target != "/images/a");
    const auto stored = rig.put(target, body, {{"x-ms-content-crc64", right}});
    EXPECT_EQ(stored.status, 201) << stored.body;
    EXPECT_EQ(stored.header("x-ms-content-crc64"), right);
  }
  EXPECT_EQ(rig.call("GET", "/images/b").body, "hello");
  EXPECT_EQ(rig.put("/images/a", "hello").header("x-ms-content-crc64"), "");
}

TEST_F(BlobServiceTest, TellsTheCrc64OfARange) {
  constexpr std::size_t kMib = 1024 * 1024;
  const std::string content(4 * kMib + 1, 'x');
  rig.put("/images/a", content);
  const auto get = [this](const std::string& range, Fields fields) {
    if (!range.empty()) fields.emplace_back("x-ms-range", range);
    return rig.call("GET", "/images/a", std::move(fields));
  };
  const Fields crc64 = {{"x-ms-range-get-content-crc64", "true"}};
  const auto part = get("bytes=1-3", crc64);
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.header("x-ms-content-crc64"), crc64_of("xxx"));
  EXPECT_EQ(part.header("Content-MD5"), "");
  EXPECT_EQ(get("bytes=0-4194303", crc64).header("x-ms-content-crc64"),
            crc64_of(content.substr(1)));
  EXPECT_EQ(get("bytes=0-4194304", crc64).code(), "OutOfRangeInput");
  EXPECT_EQ(get("", crc64).code(), "InvalidHeaderValue");
  EXPECT_EQ(get("bytes=1-3", {crc64.front(), {"x-ms-range-get-content-md5", "true"}}).code(),
            "BothCrc64AndMd5RangeHeaderPresent");
  EXPECT_EQ(
      get("bytes=1-3", {{"x-ms-range-get-content-crc64", "false"}}).header("x-ms-content-crc64"),
      "");
}

TEST_F(BlobServiceTest, LeavesNothingOfAnUploadThatBreaksOff) {
  RequestHead head = BlobRig::head(
      "PUT",
      "/mcuota/images/a?" + rig.sas({.container = "images", .blob = "a", .permissions = "c"}),
      {{"x-ms-blob-type", "BlockBlob"}});
  {
    Begun begun = rig.service->begin(std::move(head));
    auto& exchange = *std::get<std::unique_ptr<Exchange>>(begun);
    ASSERT_TRUE(exchange.take(bytes_of("half")));
    EXPECT_EQ(rig.content_files(), 1U);
  }
  EXPECT_EQ(rig.content_files(), 0U);
  EXPECT_EQ(rig.call("GET", "/images/a").status, 404);
}

TEST_F(BlobServiceTest, BuildsABlobOfBlocks) {
  const auto block = [this](const std::string& id, std::string_view body) {
    return rig.call(
        "PUT", "/images/a?comp=block&blockid=" + contract::percent_encode(to_base64(bytes_of(id))),
        {}, body);
  };
  const auto commit = [this](const std::string& elements, Fields fields = {}) {
    return rig.call(
        "PUT", "/images/a?comp=blocklist", std::move(fields),
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<BlockList>" + elements + "</BlockList>");
  };
  EXPECT_EQ(block("id0", "hello ").status, 201);
  EXPECT_EQ(block("id1", "world").status, 201);
  EXPECT_EQ(block("long-id", "x").code(), "InvalidBlobOrBlock");
  EXPECT_EQ(rig.call("GET", "/images/a").status, 404);
  EXPECT_THAT(rig.call("GET", "/images/a?comp=blocklist&blocklisttype=all").body,
              HasSubstr("<UncommittedBlocks><Block><Name>aWQw</Name><Size>6</Size></Block>"));
  EXPECT_EQ(commit("<Latest>aWQw</Latest><Latest>bm9uZQ==</Latest>").code(), "InvalidBlockList");
  EXPECT_EQ(commit("<Latest>aWQw</Later>").code(), "InvalidXmlDocument");
  ASSERT_EQ(
      commit("<Latest>aWQw</Latest><Latest>aWQx</Latest>", {{"x-ms-blob-content-md5", "bWQ1"}})
          .status,
      201);
  const auto first = rig.call("GET", "/images/a");
  EXPECT_EQ(first.body, "hello world");
  EXPECT_EQ(first.header("Content-MD5"), "bWQ1");
  EXPECT_EQ(rig.content_files(), 1U);

  EXPECT_EQ(block("id2", "there").status, 201);
  ASSERT_EQ(commit("<Committed>aWQw</Committed><Uncommitted>aWQy</Uncommitted>").status, 201);
  EXPECT_EQ(rig.call("GET", "/images/a").body, "hello there");
  EXPECT_THAT(
      rig.call("GET", "/images/a?comp=blocklist").body,
      HasSubstr(
          "<CommittedBlocks><Block><Name>aWQw</Name><Size>6</Size></Block><Block><Name>aWQy"));
  EXPECT_EQ(commit("<Latest>aWQw</Latest>", {{"If-None-Match", "*"}}).code(), "BlobAlreadyExists");
}

TEST_F(BlobServiceTest, ListsInPages) {
  for (const char* name : {"b", "a/1", "a/2", "c", "a&b"})
    rig.put("/images/" + contract::percent_encode(name), "x");
  const auto all = rig.call("GET", "/images?restype=container&comp=list");
  EXPECT_THAT(all.body, HasSubstr("<Name>a&amp;b</Name>"));
  EXPECT_THAT(all.body, HasSubstr("<NextMarker />"));
  EXPECT_LT(all.body.find("<Name>a/1<"), all.body.find("<Name>a/2<"));
  const auto first = rig.call("GET", "/images?restype=container&comp=list&maxresults=2&prefix=a");
  EXPECT_THAT(first.body, HasSubstr("<NextMarker>" + marker_of("a/2") + "</NextMarker>"));
  const auto second =
      rig.call("GET", "/images?restype=container&comp=list&maxresults=2&prefix=a&marker=" +
                          contract::percent_encode(marker_of("a/2")));
  EXPECT_THAT(second.body, HasSubstr("<Name>a/2</Name>"));
  EXPECT_THAT(second.body, HasSubstr("<NextMarker />"));
  const auto folders = rig.call("GET", "/images?restype=container&comp=list&delimiter=%2F");
  EXPECT_THAT(folders.body, HasSubstr("<BlobPrefix><Name>a/</Name></BlobPrefix>"));
  EXPECT_THAT(folders.body, Not(HasSubstr("a/1")));
  EXPECT_THAT(folders.body, HasSubstr("<Name>c</Name>"));
  EXPECT_EQ(rig.call("GET", "/images?restype=container&comp=list&maxresults=0").status, 400);
  EXPECT_THAT(rig.call("GET", "/?comp=list").body, HasSubstr("<Container><Name>images</Name>"));
}

TEST_F(BlobServiceTest, LetsATokenDoWhatItSaysAndNoMore) {
  rig.put("/images/a", "content");
  const std::string read = rig.sas({.container = "images", .blob = "a"});
  EXPECT_EQ(rig.send(BlobRig::head("GET", "/mcuota/images/a?" + read, {})).body, "content");
  EXPECT_EQ(rig.send(BlobRig::head("DELETE", "/mcuota/images/a?" + read, {})).code(),
            "AuthorizationPermissionMismatch");
  EXPECT_EQ(rig.send(BlobRig::head("GET", "/mcuota/images/b?" + read, {})).code(),
            "AuthenticationFailed");
  const std::string create = rig.sas({.container = "images", .permissions = "c"});
  const Fields block_blob = {{"x-ms-blob-type", "BlockBlob"}};
  EXPECT_EQ(rig.send(BlobRig::head("PUT", "/mcuota/images/new?" + create, block_blob), "x").status,
            201);
  EXPECT_EQ(rig.send(BlobRig::head("PUT", "/mcuota/images/a?" + create, block_blob), "x").code(),
            "AuthorizationPermissionMismatch");
  rig.now += 4000;
  const auto expired = rig.send(BlobRig::head("GET", "/mcuota/images/a?" + read, {}));
  EXPECT_EQ(expired.status, 403);
  EXPECT_EQ(expired.code(), "AuthenticationFailed");
  EXPECT_THAT(expired.body, Not(HasSubstr("sig=")));
}

TEST_F(BlobServiceTest, SetsMetadataAndProperties) {
  const std::string etag = rig.put("/images/a", "x", {{"x-ms-meta-a", "1"}}).header("ETag");
  EXPECT_EQ(rig.call("PUT", "/images/a?comp=metadata", {{"x-ms-meta-b", "2&3=4"}}).status, 200);
  const auto got = rig.call("HEAD", "/images/a");
  EXPECT_EQ(got.header("x-ms-meta-b"), "2&3=4");
  EXPECT_EQ(got.header("x-ms-meta-a"), "");
  EXPECT_NE(got.header("ETag"), etag);
  EXPECT_EQ(
      rig.call("PUT", "/images/a?comp=properties", {{"x-ms-blob-content-type", "text/x"}}).status,
      200);
  EXPECT_EQ(rig.call("HEAD", "/images/a").header("Content-Type"), "text/x");
}

TEST_F(BlobServiceTest, NamesWhatItCannotDo) {
  EXPECT_EQ(rig.call("PUT", "/images/a", {{"x-ms-blob-type", "PageBlob"}}).code(),
            "InvalidHeaderValue");
  EXPECT_EQ(rig.call("PUT", "/images/a?comp=snapshot").code(), "InvalidQueryParameterValue");
  EXPECT_EQ(rig.call("PUT", "/images/a", {{"x-ms-copy-source", "https://x"}}).status, 501);
  EXPECT_EQ(rig.call("PUT", "/images/a").code(), "MissingRequiredHeader");
  EXPECT_EQ(rig.put("/none/a", "x").code(), "ContainerNotFound");
  EXPECT_EQ(rig.call("DELETE", "/none/a").code(), "ContainerNotFound");
}

TEST_F(BlobServiceTest, TellsThatTheServicesPropertiesAreOff) {
  const std::string target = "/?restype=service&comp=properties";
  const auto got = rig.call("GET", target);
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.header("Content-Type"), "application/xml");
  EXPECT_THAT(got.body, HasSubstr("<HourMetrics><Version>1.0</Version><Enabled>false</Enabled>"));
  EXPECT_THAT(got.body, HasSubstr("<Cors /><DefaultServiceVersion>2021-12-02<"));
  EXPECT_THAT(got.body, HasSubstr("<DeleteRetentionPolicy><Enabled>false</Enabled><"));
  EXPECT_THAT(got.body, Not(HasSubstr("true")));
  const auto set = rig.call("PUT", target, {}, got.body);
  EXPECT_EQ(set.status, 501);
  EXPECT_EQ(set.code(), "NotImplemented");
  const std::string token = rig.sas({.container = "images"});
  EXPECT_EQ(rig.send(BlobRig::head("GET", "/mcuota" + target + "&" + token, {})).status, 403);
}

TEST_F(BlobServiceTest, RefusesTiersPoliciesAndBatches) {
  rig.put("/images/a", "x");
  const Fields cool = {{"x-ms-access-tier", "Cool"}};
  EXPECT_EQ(rig.call("PUT", "/images/a?comp=tier", cool).code(), "InvalidQueryParameterValue");
  EXPECT_EQ(rig.call("PUT", "/images?restype=container&comp=acl").code(),
            "InvalidQueryParameterValue");
  EXPECT_EQ(rig.call("POST", "/?comp=batch").code(), "UnsupportedHttpVerb");
  EXPECT_EQ(rig.call("POST", "/images?restype=container&comp=batch").code(), "UnsupportedHttpVerb");
}

TEST_F(BlobServiceTest, KeepsContainersMetadata) {
  const std::string etag = rig.call("HEAD", "/images?restype=container").header("ETag");
  EXPECT_EQ(
      rig.call("PUT", "/images?restype=container&comp=metadata", {{"x-ms-meta-a", "1"}}).status,
      200);
  const auto got = rig.call("HEAD", "/images?restype=container");
  EXPECT_EQ(got.header("x-ms-meta-a"), "1");
  EXPECT_NE(got.header("ETag"), etag);
  EXPECT_EQ(rig.call("DELETE", "/images?restype=container",
                     {{"If-Modified-Since", to_http_date(rig.now)}})
                .code(),
            "ConditionNotMet");
}

TEST_F(BlobServiceTest, RefusesMetadataNamesThatAreNoIdentifiers) {
  EXPECT_EQ(rig.put("/images/a", "x", {{"x-ms-meta-a-b", "1"}}).code(), "InvalidMetadata");
  EXPECT_EQ(rig.put("/images/a", "x", {{"x-ms-meta-1", "1"}}).code(), "InvalidMetadata");
  EXPECT_EQ(rig.put("/images/a", "x", {{"x-ms-meta-", "1"}}).code(), "EmptyMetadataKey");
  EXPECT_EQ(rig.put("/images/a", "x", {{"x-ms-meta-_1", "1"}}).status, 201);
}

TEST_F(BlobServiceTest, RefusesNamesThatAreNoText) {
  for (const char* name : {"%FF", "%C3", "%ED%A0%80", "%C0%80", "%F5%80%80%80", "%E0%80%80"})
    EXPECT_EQ(rig.put(std::string("/images/") + name, "x").code(), "InvalidResourceName") << name;
  EXPECT_EQ(rig.put("/images/%F0%9F%98%80%C3%A9%E2%82%AC", "x").status, 201);
}

TEST_F(BlobServiceTest, ListsWhatXmlCannotCarry) {
  rig.put("/images/con%01trol", "x");
  rig.put("/images/con%02trol", "x");
  const auto page = rig.call("GET", "/images?restype=container&comp=list&maxresults=1");
  EXPECT_THAT(page.body, HasSubstr("<Name Encoded=\"true\">con%01trol</Name>"));
  EXPECT_EQ(page.body.find('\x02'), std::string::npos);
  const auto next = rig.call("GET", "/images?restype=container&comp=list&marker=" +
                                        contract::percent_encode(marker_of("con\x02trol")));
  EXPECT_THAT(next.body, HasSubstr("con%02trol"));
  EXPECT_EQ(rig.call("GET", "/images?restype=container&comp=list&marker=!").code(),
            "InvalidQueryParameterValue");
}

TEST_F(BlobServiceTest, ListsUncommittedBlobsWhenAsked) {
  rig.put("/images/a", "x");
  for (const char* name : {"a", "b"})
    EXPECT_EQ(rig.call("PUT", std::string("/images/") + name + "?comp=block&blockid=aWQw", {}, "y")
                  .status,
              201);
  const std::string list = "/images?restype=container&comp=list";
  EXPECT_THAT(rig.call("GET", list).body, Not(HasSubstr("<Name>b</Name>")));
  const auto all = rig.call("GET", list + "&include=metadata,uncommittedblobs");
  EXPECT_THAT(all.body, HasSubstr("<Name>b</Name><Properties><Content-Length>0<"));
  EXPECT_EQ(all.body.find("<Name>a</Name>"), all.body.rfind("<Name>a</Name>"));
  EXPECT_EQ(rig.call("GET", list + "&include=colours").code(), "InvalidQueryParameterValue");
}

TEST_F(BlobServiceTest, ReadsOnWhileABlobIsReplaced) {
  rig.put("/images/a", "old content");
  const std::string token = rig.sas({.container = "images", .blob = "a"});
  Begun begun = rig.service->begin(BlobRig::head("GET", "/mcuota/images/a?" + token, {}));
  auto& reply = std::get<Reply>(begun);
  rig.put("/images/a", "new");
  std::string text(11, '\0');
  ASSERT_TRUE(reply.stream->read(std::as_writable_bytes(std::span(text))));
  EXPECT_EQ(text, "old content");
}

TEST(BlobService, ForgetsUncommittedBlocksAfterAWeek) {
  BlobRig rig;
  ASSERT_EQ(rig.call("PUT", "/images?restype=container").status, 201);
  ASSERT_EQ(rig.call("PUT", "/images/a?comp=block&blockid=YQ%3D%3D", {}, "x").status, 201);
  rig.now += 6 * 24 * 3600;
  rig.service->tick();
  EXPECT_EQ(rig.content_files(), 1U);
  rig.now += 2 * 24 * 3600;
  rig.service->tick();
  EXPECT_EQ(rig.content_files(), 0U);
  EXPECT_EQ(rig.call("GET", "/images/a?comp=blocklist&blocklisttype=all").status, 404);
}

TEST(BlobService, RefusesUploadsWhileTooManyWaitForTheDisk) {
  std::promise<void> disk;  // the worker's thread stands still until it is kept
  std::mutex mutex;
  std::condition_variable more;
  std::deque<DiskWorker::Step> loop;
  const auto finish_uploads = [&](std::size_t count) {
    constexpr std::size_t kStepsOfUpload = 2;
    for (std::size_t i = 0; i < kStepsOfUpload * count; ++i) {
      std::unique_lock lock(mutex);
      more.wait(lock, [&] { return !loop.empty(); });
      const auto step = std::move(loop.front());
      loop.pop_front();
      lock.unlock();
      step();
    }
  };
  BlobRig rig;
  ASSERT_EQ(rig.call("PUT", "/images?restype=container").status, 201);
  rig.reopen([&, moves = disk.get_future().share()](DiskWorker::Step step) {
    moves.wait();
    const std::lock_guard lock(mutex);
    loop.push_back(std::move(step));
    more.notify_one();
  });
  for (std::size_t i = 0; i < kUploadsWaitingMax; ++i)
    EXPECT_EQ(rig.put("/images/" + std::to_string(i), "x").code(), "");
  const auto refused = rig.put("/images/refused", "x");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.code(), "ServerBusy");
  EXPECT_EQ(rig.call("GET", "/images/0").code(), "BlobNotFound");

  disk.set_value();
  finish_uploads(kUploadsWaitingMax);
  EXPECT_EQ(rig.call("GET", "/images/0").body, "x");
  EXPECT_EQ(rig.call("GET", "/images/" + std::to_string(kUploadsWaitingMax - 1)).body, "x");
  EXPECT_EQ(rig.call("GET", "/images/refused").code(), "BlobNotFound");
  EXPECT_EQ(rig.put("/images/refused", "x").code(), "");
  finish_uploads(1);
  EXPECT_EQ(rig.call("GET", "/images/refused").body, "x");
}

}  // namespace
}  // namespace ota::hub
