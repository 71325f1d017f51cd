#include "cloud/rest/blob_client.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "base/encoding.hpp"
#include "contract/azure/percent.hpp"
#include "tests/http/recorded_pause.hpp"
#include "tests/http/scripted_server.hpp"

namespace ota::rest {
namespace {

using ::testing::HasSubstr;

class BlobClientTest : public ::testing::Test {
 protected:
  BlobClientTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "blob_client_test.XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~BlobClientTest() override { std::filesystem::remove_all(folder_); }

  contract::StorageConnection connection() {
    return {.account = "account",
            .key = *from_base64("AAEC"),
            .blob_endpoint = server.url() + "/account"};
  }
  BlobClient client() {
    return BlobClient(connection(),
                      {.now = [] { return 1'893'456'000; }, .pause = pause, .random = random});
  }

  BlobUpload upload_of(const std::string& content) {
    const std::string path = (folder_ / "image").string();
    std::ofstream(path, std::ios::binary) << content;
    ContentMd5Builder md5;
    md5.update(bytes_of(content));
    return {.container = "fw",
            .name = "o'hara/2/ab-a b.bin",
            .path = path,
            .size_bytes = content.size(),
            .md5 = md5.finish(),
            .metadata = {{"filename", "prüf.bin"}}};
  }

  /// Whether a request carries a SharedKey signature of our key over what arrived.
  static bool is_signed(const test::Request& request) {
    const auto sent = contract::parse_shared_key_authorization(request.header("Authorization"));
    return sent && contract::shared_key_signed_by({.method = request.method,
                                                   .account = sent->account,
                                                   .path = request.path,
                                                   .query = request.query,
                                                   .headers = request.headers},
                                                  sent->signature, *from_base64("AAEC"));
  }

  std::filesystem::path folder_;
  test::RecordedPause pause;
  SplitMix64 random{1};
  std::function<test::Response(const test::Request&)> answer = [](const test::Request&) {
    return test::Response{.status = 201};
  };
  test::ScriptedServer server{[this](const test::Request& request) { return answer(request); }};
};

TEST_F(BlobClientTest, StoresASmallFileInOnePieceAndNeverOverAnother) {
  ASSERT_TRUE(client().put(upload_of("firmware")));
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1U);
  const test::Request& put = requests[0];
  EXPECT_EQ(put.method, "PUT");
  EXPECT_EQ(put.path, "/account/fw/o%27hara/2/ab-a%20b.bin");
  EXPECT_EQ(put.body, "firmware");
  EXPECT_EQ(put.header("x-ms-blob-type"), "BlockBlob");
  EXPECT_EQ(put.header("If-None-Match"), "*");
  EXPECT_EQ(put.header("Content-MD5"), upload_of("firmware").md5.whole);
  EXPECT_EQ(put.header("x-ms-meta-filename"), "pr%C3%BCf.bin");
  EXPECT_EQ(put.header("x-ms-date"), "Tue, 01 Jan 2030 00:00:00 GMT");
  EXPECT_TRUE(is_signed(put));
}

TEST_F(BlobClientTest, StoresALargeFileInCheckedBlocks) {
  std::string content(kBlockBytes * 2 + 5, 'a');
  content[kBlockBytes] = 'b';
  std::uint64_t last = 0;
  const BlobUpload upload = upload_of(content);
  ASSERT_TRUE(client().put(upload, [&last](std::uint64_t bytes) { last = bytes; }));
  EXPECT_EQ(last, content.size());

  std::map<std::string, test::Request> blocks;
  std::optional<test::Request> list;
  for (const test::Request& request : server.requests()) {
    EXPECT_TRUE(is_signed(request)) << request.query;
    if (request.query == "comp=blocklist") {
      list = request;
    } else {
      blocks[request.query] = request;
    }
  }
  ASSERT_TRUE(list);
  ASSERT_EQ(blocks.size(), 3U);
  std::string stored;
  std::size_t index = 0;
  for (const auto& [query, block] : blocks) {
    EXPECT_EQ(block.header("Content-MD5"), upload.md5.blocks[index++]);
    const auto id = contract::percent_decode(query.substr(query.rfind('=') + 1));
    EXPECT_THAT(list->body, HasSubstr("<Latest>" + *id + "</Latest>"));
    stored += block.body;
  }
  EXPECT_TRUE(stored == content);
  EXPECT_EQ(list->header("If-None-Match"), "*");
  EXPECT_EQ(list->header("x-ms-blob-content-md5"), upload.md5.whole);
}

TEST_F(BlobClientTest, ABlockThatIsRefusedEndsTheUploadWithoutABlob) {
  answer = [](const test::Request& request) {
    return test::Response{.status = request.query.starts_with("comp=block&") ? 400 : 201};
  };
  const auto stored = client().put(upload_of(std::string(kBlockBytes * 3, 'a')));
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().http_status, 400);
  for (const test::Request& request : server.requests()) {
    EXPECT_NE(request.query, "comp=blocklist");
  }
}

TEST_F(BlobClientTest, ATryAfterAFailureSendsTheWholeBodyAgain) {
  int count = 0;
  answer = [&count](const test::Request&) {
    return test::Response{.status = ++count == 1 ? 500 : 201};
  };
  ASSERT_TRUE(client().put(upload_of("firmware")));
  ASSERT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(server.requests()[1].body, "firmware");
}

TEST_F(BlobClientTest, AnExistingBlobIsAConflict) {
  answer = [](const test::Request&) {
    return test::Response{.status = 409, .headers = {{"x-ms-error-code", "BlobAlreadyExists"}}};
  };
  const auto stored = client().put(upload_of("firmware"));
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().kind, ApiError::Kind::Conflict);
}

TEST_F(BlobClientTest, AnExistingContainerIsFineAndAnotherConflictIsNot) {
  std::string code = "ContainerAlreadyExists";
  answer = [&code](const test::Request&) {
    return test::Response{.status = 409, .headers = {{"x-ms-error-code", code}}};
  };
  EXPECT_TRUE(client().ensure_container("fw"));
  EXPECT_EQ(server.requests()[0].query, "restype=container");
  EXPECT_TRUE(is_signed(server.requests()[0]));
  code = "ContainerBeingDeleted";
  EXPECT_FALSE(client().ensure_container("fw"));
}

TEST_F(BlobClientTest, ReadsPropertiesFromTheHead) {
  answer = [](const test::Request&) {
    return test::Response{
        .headers = {{"Content-Length", "8"}, {"Content-MD5", "abc="}, {"ETag", "\"0x8\""}}};
  };
  const auto properties = client().properties("fw", "a/b");
  ASSERT_TRUE(properties);
  EXPECT_EQ(properties->size_bytes, 8U);
  EXPECT_EQ(properties->content_md5, "abc=");
  EXPECT_EQ(server.requests()[0].method, "HEAD");
}

TEST_F(BlobClientTest, TokensAreForOneBlobAndHttpsOnlyUnlessTheEndpointIsPlain) {
  EXPECT_THAT(client().read_sas("fw", "a", 0, 1'893'456'000), HasSubstr("spr=https%2Chttp"));
  contract::StorageConnection secure = connection();
  secure.blob_endpoint = "https://account.blob.core.windows.net";
  const BlobClient azure(secure,
                         {.now = [] { return 1'893'456'000; }, .pause = pause, .random = random});
  const std::string sas = azure.read_sas("fw", "a b", 1'893'455'700, 1'893'456'000);
  EXPECT_THAT(sas, HasSubstr("spr=https&st=2029-12-31T23%3A55%3A00Z&"));
  EXPECT_THAT(sas, HasSubstr("&sr=b&sp=r&"));
  EXPECT_EQ(azure.url_of("fw", "p/1/a b"), "https://account.blob.core.windows.net/fw/p/1/a%20b");
}

TEST_F(BlobClientTest, ReadsABlobInPiecesOfOneState) {
  std::string content(kDownloadPieceBytes + 7, 'a');
  content.back() = 'z';
  std::size_t failures = 1;
  answer = [&](const test::Request& request) -> test::Response {
    if (request.method == "HEAD") {
      return {.headers = {{"Content-Length", std::to_string(content.size())}, {"ETag", "\"1\""}}};
    }
    EXPECT_EQ(request.header("If-Match"), "\"1\"");
    EXPECT_TRUE(is_signed(request));
    if (failures-- == 1) return {.status = 503};  // and the same piece again
    const bool first = request.header("x-ms-range") == "bytes=0-4194303";
    return {.status = 206,
            .body = first ? content.substr(0, kDownloadPieceBytes)
                          : content.substr(kDownloadPieceBytes)};
  };
  std::string got;
  const auto done =
      client().get({.container = "fw", .name = "a b"}, [&got](std::string_view piece) {
        got += piece;
        return true;
      });
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(got == content);
}

TEST_F(BlobClientTest, AnAnswerThatIsNotThePartAskedForIsRefused) {
  answer = [](const test::Request& request) -> test::Response {
    if (request.method == "HEAD") return {.headers = {{"Content-Length", "10"}, {"ETag", "x"}}};
    return {.status = 206, .body = "short"};
  };
  const auto take = [](std::string_view) { return true; };
  EXPECT_EQ(client().get({.container = "fw", .name = "x"}, take).error().code, "unreadable_answer");
  answer = [](const test::Request&) { return test::Response{.status = 404}; };
  EXPECT_EQ(client().get({.container = "fw", .name = "x"}, take).error().kind,
            ApiError::Kind::NotFound);
}

TEST_F(BlobClientTest, FindsThePlaceThatItsAddressMeans) {
  const auto place = client().place_of(client().url_of("fw", "o'hara/2/ab-a b.bin"));
  ASSERT_TRUE(place);
  EXPECT_EQ(place->container, "fw");
  EXPECT_EQ(place->name, "o'hara/2/ab-a b.bin");
  EXPECT_FALSE(client().place_of("https://other/account/fw/x"));
  EXPECT_FALSE(client().place_of(server.url() + "/account/fw"));
  EXPECT_FALSE(client().place_of(server.url() + "/account/fw/%zz"));
}

}  // namespace
}  // namespace ota::rest
