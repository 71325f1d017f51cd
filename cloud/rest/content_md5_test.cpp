#include "cloud/rest/content_md5.hpp"

#include <gmock/gmock.h>

namespace ota::rest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ContentMd5, AShortContentIsOneBlock) {
  ContentMd5Builder builder;
  builder.update(bytes_of("ab"));
  builder.update(bytes_of("c"));
  const ContentMd5 md5 = builder.finish();
  EXPECT_EQ(md5.whole, "kAFQmDzST7DWlj99KOF/cg==");  // RFC 1321, "abc"
  EXPECT_THAT(md5.blocks, ElementsAre(md5.whole));
}

TEST(ContentMd5, NothingHasNoBlocks) {
  const ContentMd5 md5 = ContentMd5Builder().finish();
  EXPECT_EQ(md5.whole, "1B2M2Y8AsgTpgAmY7PhCfg==");  // RFC 1321, ""
  EXPECT_THAT(md5.blocks, IsEmpty());
}

TEST(ContentMd5, BlocksEndAtMultiplesWhateverThePieces) {
  const std::string content(kBlockBytes + 3, 'x');
  ContentMd5Builder pieces;
  for (std::size_t at = 0; at < content.size(); at += 1'000'003) {
    pieces.update(bytes_of(std::string_view(content).substr(at, 1'000'003)));
  }
  ContentMd5Builder first_block;
  first_block.update(bytes_of(std::string(kBlockBytes, 'x')));
  ContentMd5Builder rest;
  rest.update(bytes_of("xxx"));
  EXPECT_THAT(pieces.finish().blocks, ElementsAre(first_block.finish().whole, rest.finish().whole));
}

}  // namespace
}  // namespace ota::rest
