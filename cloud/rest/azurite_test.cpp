// Our Blob client against Azurite, an implementation of the service that we did not write. Runs
// where OTA_AZURITE_ENDPOINT names one ("http://127.0.0.1:10000/devstoreaccount1"), else is
// skipped.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cloud/rest/blob_client.hpp"

namespace ota::rest {
namespace {

contract::UnixSeconds now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class Azurite : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* endpoint = std::getenv("OTA_AZURITE_ENDPOINT");
    if (endpoint == nullptr || *endpoint == '\0') GTEST_SKIP() << "OTA_AZURITE_ENDPOINT is not set";
    connection_ = *contract::parse_storage_connection("UseDevelopmentStorage=true");
    connection_.blob_endpoint = endpoint;
    std::string name = (std::filesystem::temp_directory_path() / "azurite_test.XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    container_ = "fw-" + new_request_id().substr(0, 8);
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  BlobClient client() {
    return BlobClient(connection_, {.now = now, .pause = pause_, .random = random_});
  }

  BlobUpload upload_of(std::size_t size_bytes, std::uint64_t seed) {
    SplitMix64 random(seed);
    std::string content(size_bytes, '\0');
    for (char& c : content) c = static_cast<char>(random.next() & 0xFFU);
    const std::string path = (folder_ / std::to_string(seed)).string();
    std::ofstream(path, std::ios::binary) << content;
    ContentMd5Builder md5;
    md5.update(bytes_of(content));
    content_ = content;
    return {.container = container_,
            .name = "o'hara pump/7/" + std::to_string(seed) + "-a b.bin",
            .path = path,
            .size_bytes = size_bytes,
            .md5 = md5.finish(),
            .metadata = {{"filename", "prüf.bin"}, {"version", "7"}}};
  }

  /// What a device gets with the token alone.
  std::string fetch(const BlobUpload& upload) {
    BlobClient blobs = client();
    HttpClient http({});
    const auto reply =
        http.send({.url = blobs.url_of(upload.container, upload.name) + "?" +
                          blobs.read_sas(upload.container, upload.name, now() - 300, now() + 300)});
    return reply && reply->status == 200 ? reply->body : "no answer";
  }

  void expect_stored(const BlobUpload& upload) {
    ASSERT_TRUE(client().ensure_container(upload.container));
    const auto stored = client().put(upload);
    ASSERT_TRUE(stored) << stored.error().message;
    const auto properties = client().properties(upload.container, upload.name);
    ASSERT_TRUE(properties) << properties.error().message;
    EXPECT_EQ(properties->size_bytes, upload.size_bytes);
    EXPECT_EQ(properties->content_md5, upload.md5.whole);
    EXPECT_TRUE(fetch(upload) == content_);
    const auto again = client().put(upload);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().kind, ApiError::Kind::Conflict) << again.error().message;
  }

  std::string container_;
  std::string content_;

 private:
  contract::StorageConnection connection_;
  std::filesystem::path folder_;
  SystemPause pause_;
  SplitMix64 random_{1};
};

TEST_F(Azurite, StoresOnePieceOnce) { expect_stored(upload_of(100'000, 1)); }

TEST_F(Azurite, StoresBlocksOnce) { expect_stored(upload_of(2 * kBlockBytes + 12'345, 2)); }

TEST_F(Azurite, RefusesAFileThatChangedAfterItWasHashed) {
  for (const std::size_t size : {std::size_t{100'000}, std::size_t{kBlockBytes + 1}}) {
    const BlobUpload upload = upload_of(size, size);
    ASSERT_TRUE(client().ensure_container(container_));
    std::fstream(upload.path, std::ios::binary | std::ios::in | std::ios::out) << "changed";
    const auto stored = client().put(upload);
    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().http_status, 400) << stored.error().message;
    EXPECT_FALSE(client().properties(upload.container, upload.name));
  }
}

TEST_F(Azurite, AContainerMayExistAndABlobMayBeMissing) {
  EXPECT_TRUE(client().ensure_container(container_));
  EXPECT_TRUE(client().ensure_container(container_));
  const auto properties = client().properties(container_, "none");
  ASSERT_FALSE(properties);
  EXPECT_EQ(properties.error().kind, ApiError::Kind::NotFound);
}

}  // namespace
}  // namespace ota::rest
