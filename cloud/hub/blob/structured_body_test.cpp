#include "cloud/hub/blob/structured_body.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "cloud/hub/blob/blob_rig.hpp"
#include "cloud/hub/blob/md5.hpp"

namespace ota::hub {
namespace {

std::string little(std::uint64_t number, std::size_t bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>((number >> (8 * i)) & 0xFF);
  return out;
}

std::string crc64_of(std::string_view text) {
  Crc64 crc64;
  crc64.update(bytes_of(text));
  return little(crc64.value(), 8);
}

/// Put together from the description, apart from the code under test.
std::string message_of(const std::vector<std::string>& segments) {
  std::string body, content;
  std::uint64_t number = 0;
  for (const std::string& segment : segments) {
    body += little(++number, 2) + little(segment.size(), 8) + segment + crc64_of(segment);
    content += segment;
  }
  body += crc64_of(content);
  return "\x01" + little(13 + body.size(), 8) + little(1, 2) + little(segments.size(), 2) + body;
}

struct Read {
  std::string code;  // empty: all is well
  std::string content;
};

Read read(std::string_view message, std::uint64_t announced, std::size_t step) {
  StructuredReader reader(announced);
  Read out;
  const auto keep = [&out](Bytes piece) -> BlobResult<Ok> {
    out.content += text_of(piece);
    return Ok{};
  };
  for (; !message.empty(); message.remove_prefix(std::min(step, message.size()))) {
    if (const auto taken = reader.take(bytes_of(message.substr(0, step)), keep); !taken)
      return {taken.error().code, ""};
  }
  if (const auto complete = reader.finish(); !complete) return {complete.error().code, ""};
  return out;
}

std::string all_of(BodySource& source, std::size_t step) {
  std::string out;
  std::string piece(step, '\0');
  while (out.size() < source.size()) {
    const auto size = source.read(std::as_writable_bytes(std::span(piece)));
    if (!size || size.value() == 0) break;
    out.append(piece, 0, size.value());
  }
  return out;
}

class TextSource final : public BodySource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)), size_bytes_(text_.size()) {}
  std::uint64_t size() const override { return size_bytes_; }
  Result<std::size_t, std::string> read(MutableBytes into) override {
    const std::size_t size = std::min(into.size(), text_.size() - at_);
    std::copy_n(bytes_of(text_).begin() + static_cast<std::ptrdiff_t>(at_), size, into.begin());
    at_ += size;
    return size;
  }

 private:
  std::string text_;
  std::uint64_t size_bytes_;
  std::size_t at_ = 0;
};

TEST(StructuredReader, GivesTheContentOnHoweverItComes) {
  for (const std::vector<std::string>& segments :
       {std::vector<std::string>{"hello ", "world"}, {"x"}, {""}, {"", "x", ""}}) {
    std::string content;
    for (const std::string& segment : segments) content += segment;
    const std::string message = message_of(segments);
    for (std::size_t step = 1; step <= message.size(); ++step) {
      const Read got = read(message, content.size(), step);
      EXPECT_EQ(got.code, "") << step;
      EXPECT_EQ(got.content, content) << step;
    }
  }
}

TEST(StructuredReader, FindsEveryDamage) {
  const std::string message = message_of({"hello ", "world"});
  for (std::size_t i = 0; i < message.size(); ++i) {
    for (const int bit : {0, 3, 7}) {
      std::string damaged = message;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      EXPECT_NE(read(damaged, 11, 7).code, "") << "byte " << i << ", bit " << bit;
    }
    EXPECT_EQ(read(message.substr(0, i), 11, 7).code, "InvalidInput") << i;
  }
  EXPECT_EQ(read(message + "x", 11, 7).code, "InvalidInput");
  EXPECT_EQ(read(message, 10, 7).code, "InvalidInput");
  EXPECT_EQ(read(message, 12, 7).code, "InvalidInput");
  const std::size_t first_content = 13 + 10;
  std::string other = message;
  other[first_content] = 'H';
  EXPECT_EQ(read(other, 11, 7).code, "Crc64Mismatch");
}

TEST(StructuredSource, SendsWhatAReaderReads) {
  constexpr std::size_t segment_bytes = 4 * 1024 * 1024;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, segment_bytes - 1, segment_bytes,
                                 segment_bytes + 1, 2 * segment_bytes}) {
    std::string content(size, 'x');
    for (std::size_t i = 0; i < size; i += 997) content[i] = static_cast<char>(i);
    StructuredSource source(std::make_unique<TextSource>(content));
    const std::string message = all_of(source, 65'536);
    EXPECT_EQ(message.size(), source.size());
    const Read got = read(message, size, 1000);
    EXPECT_EQ(got.code, "");
    EXPECT_TRUE(got.content == content) << size;
  }
  StructuredSource source(std::make_unique<TextSource>("hello"));
  EXPECT_EQ(all_of(source, 1), message_of({"hello"}));
}

struct StructuredBlobs : ::testing::Test {
  void SetUp() override { ASSERT_EQ(rig.call("PUT", "/images?restype=container").status, 201); }

  static Fields structured(std::size_t bytes) {
    return {{"x-ms-structured-body", "XSM/1.0; properties=crc64"},
            {"x-ms-structured-content-length", std::to_string(bytes)}};
  }
  BlobRig rig;
};

TEST_F(StructuredBlobs, AreStoredWithoutTheirStructure) {
  const auto put = rig.put("/images/a", message_of({"hello ", "world"}), structured(11));
  EXPECT_EQ(put.status, 201) << put.body;
  EXPECT_EQ(put.header("x-ms-structured-body"), "XSM/1.0; properties=crc64");
  EXPECT_EQ(rig.call("GET", "/images/a").body, "hello world");
  Md5 md5;
  md5.update(bytes_of("hello world"));
  EXPECT_EQ(rig.call("HEAD", "/images/a").header("Content-MD5"), md5.finish());

  const std::string block = "/images/b?comp=block&blockid=aWQw";
  EXPECT_EQ(rig.call("PUT", block, structured(5), message_of({"block"})).status, 201);
  EXPECT_EQ(rig.call("PUT", "/images/b?comp=blocklist", {},
                     "<BlockList><Latest>aWQw</Latest></BlockList>")
                .status,
            201);
  EXPECT_EQ(rig.call("GET", "/images/b").body, "block");
}

TEST_F(StructuredBlobs, AreRefusedIfDamaged) {
  std::string message = message_of({"hello"});
  EXPECT_EQ(rig.put("/images/a", message, structured(6)).code(), "InvalidInput");
  EXPECT_EQ(rig.put("/images/a", message.substr(0, 20), structured(5)).code(), "InvalidInput");
  EXPECT_EQ(rig.put("/images/a", message, {structured(5).front()}).code(), "InvalidHeaderValue");
  for (const char* digest : {"Content-MD5", "x-ms-content-crc64"}) {
    Fields fields = structured(5);
    fields.emplace_back(digest, "AAAAAAAAAAA=");
    EXPECT_EQ(rig.put("/images/a", message, fields).code(), "InvalidHeaderValue") << digest;
  }
  message[13 + 10] = 'H';
  EXPECT_EQ(rig.put("/images/a", message, structured(5)).code(), "Crc64Mismatch");
  EXPECT_EQ(rig.call("GET", "/images/a").code(), "BlobNotFound");
  EXPECT_EQ(rig.content_files(), 0U);
}

TEST_F(StructuredBlobs, AreSentToThoseWhoAsk) {
  rig.put("/images/a", "0123456789");
  const Fields wanted = {structured(0).front()};
  const auto whole = rig.call("GET", "/images/a", wanted);
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.body, message_of({"0123456789"}));
  EXPECT_EQ(whole.header("x-ms-structured-body"), "XSM/1.0; properties=crc64");
  EXPECT_EQ(whole.header("x-ms-structured-content-length"), "10");
  const auto part = rig.call("GET", "/images/a", {wanted.front(), {"x-ms-range", "bytes=2-5"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.header("Content-Range"), "bytes 2-5/10");
  EXPECT_EQ(part.header("x-ms-structured-content-length"), "4");
  EXPECT_EQ(part.body, message_of({"2345"}));
}

}  // namespace
}  // namespace ota::hub
