#include "base/sha256.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "base/sha256_compress.hpp"

namespace ota {
namespace {

// FIPS 180-4 examples.
TEST(Sha256, MatchesTheExamplesOfTheStandard) {
  EXPECT_EQ(to_hex(sha256(bytes_of(""))),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256(bytes_of("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(to_hex(sha256(bytes_of(std::string(1'000'000, 'a')))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotDependOnHowItIsFed) {
  std::string message;
  for (int i = 0; i < 300; ++i) message += static_cast<char>(i * 7);
  for (std::size_t piece = 1; piece < 130; ++piece) {
    Sha256 hash;
    for (std::size_t at = 0; at < message.size(); at += piece) {
      hash.update(bytes_of(std::string_view(message).substr(at, piece)));
    }
    ASSERT_EQ(hash.finish(), sha256(bytes_of(message))) << "pieces of " << piece;
  }
}

// RFC 4231, test cases 2 and 6.
TEST(Sha256, HmacMatchesTheVectorsOfTheStandard) {
  EXPECT_EQ(to_hex(hmac_sha256(bytes_of("Jefe"), bytes_of("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac_sha256(bytes_of(std::string(131, '\xaa')),
                               bytes_of("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Sha256, IsTheSameOnAnyMachine) {
  SplitMix64 random(7);
  std::vector<std::byte> bytes(64 * 9 + 1);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random.next());
  for (std::size_t blocks = 0; blocks < 9; ++blocks) {
    Sha256State best = {1, 2, 3, 4, 5, 6, 7, 8};
    Sha256State portable = best;
    const Bytes unaligned = Bytes(bytes).subspan(1, 64 * blocks);
    sha256_compress(best, unaligned);
    sha256_compress_portable(portable, unaligned);
    EXPECT_EQ(best, portable) << blocks << " blocks";
  }
}

TEST(Sha256, ComparesDigestsWhole) {
  EXPECT_TRUE(equal_in_constant_time(bytes_of("same"), bytes_of("same")));
  EXPECT_FALSE(equal_in_constant_time(bytes_of("same"), bytes_of("samE")));
  EXPECT_FALSE(equal_in_constant_time(bytes_of("same"), bytes_of("sam")));
}

}  // namespace
}  // namespace ota
