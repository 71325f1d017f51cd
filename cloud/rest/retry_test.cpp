#include "cloud/rest/retry.hpp"

#include <gmock/gmock.h>

#include "tests/http/recorded_pause.hpp"

namespace ota::rest {
namespace {

using namespace std::chrono_literals;

class RetryTest : public ::testing::Test {
 protected:
  /// Gives the scripted answers one after the other; the last one for ever.
  ApiResult<HttpReply> run(Repeatable repeatable, std::vector<ApiResult<HttpReply>> script) {
    return Retry(pause, random).run(repeatable, [&]() -> ApiResult<HttpReply> {
      const std::size_t index = std::min(tries++, script.size() - 1);
      return script[index];
    });
  }

  static ApiResult<HttpReply> status(int code, const char* retry_after = nullptr) {
    HttpReply reply{.status = code, .headers = {}, .body = {}};
    if (retry_after != nullptr) reply.headers.emplace_back("retry-after", retry_after);
    return reply;
  }
  static ApiResult<HttpReply> network(const char* code) {
    return ApiError{.kind = ApiError::Kind::Network, .code = code};
  }

  test::RecordedPause pause;
  SplitMix64 random{7};
  std::size_t tries = 0;
};

TEST_F(RetryTest, TriesAgainUntilTheServiceRecovers) {
  const auto reply =
      run(Repeatable::Yes, {status(500), status(408), network("timeout"), status(200)});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(pause.waits.size(), 3U);
}

TEST_F(RetryTest, GivesTheLastAnswerWhenTheTriesAreSpent) {
  EXPECT_EQ(run(Repeatable::Yes, {status(503)})->status, 503);
  EXPECT_EQ(tries, 4U);
}

TEST_F(RetryTest, DoesNotRepeatWhatAnotherTryCannotChange) {
  for (const int code : {200, 400, 401, 404, 409, 412, 501, 507}) {
    tries = 0;
    run(Repeatable::Yes, {status(code)}).has_value();
    EXPECT_EQ(tries, 1U) << code;
  }
  tries = 0;
  EXPECT_FALSE(run(Repeatable::Yes, {network("tls_untrusted")}));
  EXPECT_EQ(tries, 1U);
}

TEST_F(RetryTest, ACreationIsRepeatedOnlyWhereItSurelyDidNotHappen) {
  EXPECT_EQ(run(Repeatable::No, {status(500), status(200)})->status, 500);
  EXPECT_EQ(tries, 1U);
  tries = 0;
  EXPECT_FALSE(run(Repeatable::No, {network("disconnected"), status(200)}));
  tries = 0;
  EXPECT_TRUE(run(Repeatable::No, {network("unreachable"), status(429), status(200)}));
  EXPECT_EQ(tries, 3U);
}

TEST_F(RetryTest, WaitsAsLongAsTheServiceAsks) {
  EXPECT_EQ(run(Repeatable::Yes, {status(429, "7"), status(200)})->status, 200);
  ASSERT_EQ(pause.waits.size(), 1U);
  EXPECT_GE(pause.waits[0], 7s);
}

TEST_F(RetryTest, AVeryLongWaitIsHandedToTheCaller) {
  EXPECT_EQ(run(Repeatable::Yes, {status(429, "3600"), status(200)})->status, 429);
  EXPECT_EQ(tries, 1U);
}

TEST_F(RetryTest, ReadsRetryAfterTolerantly) {
  EXPECT_EQ(retry_after_seconds(*status(429, "12")), 12);
  EXPECT_EQ(retry_after_seconds(*status(429, "Wed, 21 Oct 2015 07:28:00 GMT")), std::nullopt);
  EXPECT_EQ(retry_after_seconds(*status(429, "-1")), std::nullopt);
  EXPECT_EQ(retry_after_seconds(*status(429)), std::nullopt);
}

}  // namespace
}  // namespace ota::rest
