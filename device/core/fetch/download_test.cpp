#include "device/core/fetch/download.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace ota::fetch {
namespace {

using contract::Code;
using namespace std::chrono_literals;

constexpr std::uint32_t kSize = 1000;
constexpr std::string_view kEtag = "\"0x1\"";

ResponseHead part(std::uint64_t first, std::uint64_t last, std::uint64_t total,
                  std::string_view etag = kEtag) {
  ResponseHead head;
  head.status = 206;
  head.content_range = ContentRange{first, last, total};
  head.content_length = last - first + 1;
  head.etag = etag;
  return head;
}

ResponseHead answer(int status) {
  ResponseHead head;
  head.status = status;
  return head;
}

ResponseHead whole(std::optional<std::uint64_t> length) {
  ResponseHead head = answer(200);
  head.content_length = length;
  head.etag = "\"0x2\"";
  return head;
}

struct Case {
  const char* name;
  std::uint32_t stored;
  ResponseHead head;
  HeadVerdict verdict;
  Next next;
  Code code;
};

std::vector<Case> refused_cases() {
  ResponseHead no_range = answer(206);
  return {
      {"206WithoutContentRange", 400, no_range, HeadVerdict::Refuse, Next::Retry,
       Code::ServerError},
      {"206FromAnotherByte", 400, part(0, 999, kSize), HeadVerdict::Refuse, Next::Retry,
       Code::ServerError},
      {"206BeyondItsTotal", 400, part(400, 1000, kSize), HeadVerdict::Refuse, Next::Retry,
       Code::ServerError},
      {"206OfALargerObject", 400, part(400, 1999, 2000), HeadVerdict::Refuse, Next::Wait,
       Code::BadOffer},
      {"206OfASmallerObject", 0, part(0, 499, 500), HeadVerdict::Refuse, Next::Wait,
       Code::BadOffer},
      {"206OfAnotherObject", 400, part(400, 999, kSize, "\"0x9\""), HeadVerdict::Drop,
       Next::AskAgain, Code::None},
      {"200WithoutLength", 400, whole(std::nullopt), HeadVerdict::Refuse, Next::Retry,
       Code::ServerError},
      {"200WithALoginPage", 400, whole(5000), HeadVerdict::Refuse, Next::Retry, Code::ServerError},
      {"204", 0, answer(204), HeadVerdict::Refuse, Next::Retry, Code::ServerError},
      {"302", 0, answer(302), HeadVerdict::Refuse, Next::Wait, Code::HttpRefused},
      {"400", 0, answer(400), HeadVerdict::Refuse, Next::Wait, Code::HttpRefused},
      {"403", 400, answer(403), HeadVerdict::Refuse, Next::Wait, Code::SasExpired},
      {"404", 0, answer(404), HeadVerdict::Refuse, Next::Wait, Code::NotFound},
      {"408", 0, answer(408), HeadVerdict::Refuse, Next::Retry, Code::ServerError},
      {"412WithStoredBytes", 400, answer(412), HeadVerdict::Drop, Next::AskAgain, Code::None},
      {"412WithoutACondition", 0, answer(412), HeadVerdict::Refuse, Next::Wait, Code::HttpRefused},
      {"416", 400, answer(416), HeadVerdict::Refuse, Next::Wait, Code::BadOffer},
      {"429", 0, answer(429), HeadVerdict::Refuse, Next::Retry, Code::ServerError},
      {"500", 0, answer(500), HeadVerdict::Refuse, Next::Retry, Code::ServerError},
      {"503", 400, answer(503), HeadVerdict::Refuse, Next::Retry, Code::ServerError},
  };
}

TEST(Download, RefusesEveryAnswerThatIsNotTheRestOfTheImage) {
  for (const Case& test : refused_cases()) {
    SCOPED_TRACE(test.name);
    Download download(kSize, test.stored, kEtag);
    EXPECT_EQ(download.judge(test.head), test.verdict);
    const std::vector<std::byte> body(100);
    EXPECT_EQ(download.accept(body).size(), 0U) << "a refused body reached the flash";
    const Ending ending = download.ending(TransferEnd::Stopped);
    EXPECT_EQ(ending.next, test.next);
    EXPECT_EQ(ending.code, test.code);
    EXPECT_EQ(download.position(), test.verdict == HeadVerdict::Drop ? 0 : test.stored);
  }
}

TEST(Download, AsksForTheRestOfTheSameObject) {
  const Download download(kSize, 400, kEtag);
  const Request request = download.request("https://a/b", "sig=x");
  EXPECT_EQ(request.first_byte, 400U);
  EXPECT_EQ(request.if_match, kEtag);
}

TEST(Download, SetsNoConditionBeforeTheFirstByte) {
  EXPECT_EQ(Download(kSize, 0, kEtag).request("https://a/b", "").if_match, "");
}

TEST(Download, AsksAgainWithoutConditionAfterTheObjectChanged) {
  Download download(kSize, 400, kEtag);
  ASSERT_EQ(download.judge(answer(412)), HeadVerdict::Drop);
  const Request request = download.request("https://a/b", "");
  EXPECT_EQ(request.first_byte, 0U);
  EXPECT_EQ(request.if_match, "");
}

TEST(Download, KeepsItsBytesWhenA412AnswersNoCondition) {
  Download download(kSize, 400, "");
  EXPECT_EQ(download.judge(answer(412)), HeadVerdict::Refuse);
  EXPECT_EQ(download.position(), 400U);
  EXPECT_EQ(download.ending(TransferEnd::Stopped).code, Code::HttpRefused);
}

TEST(Download, AppendsTheRestAndEndsWithVerify) {
  Download download(kSize, 400, kEtag);
  ASSERT_EQ(download.judge(part(400, 999, kSize)), HeadVerdict::Append);
  const std::vector<std::byte> body(600);
  EXPECT_EQ(download.accept(body).size(), 600U);
  EXPECT_TRUE(download.complete());
  EXPECT_EQ(download.ending(TransferEnd::Complete).next, Next::Verify);
}

TEST(Download, TakesNoByteBeyondTheSize) {
  Download download(kSize, 400, kEtag);
  ASSERT_EQ(download.judge(part(400, 999, kSize)), HeadVerdict::Append);
  const std::vector<std::byte> body(601);
  EXPECT_EQ(download.accept(body).size(), 600U);
  EXPECT_EQ(download.accept(body).size(), 0U);
  EXPECT_EQ(download.received_bytes(), 600U);
}

TEST(Download, TakesNoByteBeyondTheAnnouncedRange) {
  Download download(kSize, 400, kEtag);
  EXPECT_EQ(download.judge(part(400, 499, kSize)), HeadVerdict::Append);
  const std::vector<std::byte> body(150);
  EXPECT_EQ(download.accept(body).size(), 100U);
  EXPECT_EQ(download.accept(body).size(), 0U);
  EXPECT_EQ(download.position(), 500U);
  EXPECT_EQ(download.ending(TransferEnd::Stopped).next, Next::Retry);
}

TEST(Download, TakesAWholeBodyFromTheFirstByteWhenTheServerIgnoresRanges) {
  Download download(kSize, 400, kEtag);
  ASSERT_EQ(download.judge(whole(kSize)), HeadVerdict::Restart);
  EXPECT_EQ(download.position(), 0U);
  EXPECT_EQ(download.etag(), "\"0x2\"");
  const std::vector<std::byte> body(kSize);
  EXPECT_EQ(download.accept(body).size(), kSize);
}

TEST(Download, GoesOnWithoutEtagWhenTheServerSendsNone) {
  Download download(kSize, 400, "");
  EXPECT_EQ(download.judge(part(400, 999, kSize, "")), HeadVerdict::Append);
}

TEST(Download, RetriesWhenTheBodyEndsEarly) {
  Download download(kSize, 0, "");
  ASSERT_EQ(download.judge(part(0, 999, kSize)), HeadVerdict::Append);
  const std::vector<std::byte> body(10);
  (void)download.accept(body);
  for (const TransferEnd end : {TransferEnd::Complete, TransferEnd::Unreachable,
                                TransferEnd::TimedOut, TransferEnd::Failed}) {
    EXPECT_EQ(download.ending(end).next, Next::Retry);
    EXPECT_EQ(download.ending(end).code, Code::NetworkUnreachable);
  }
}

TEST(Download, TellsAClockThatIsNotSetFromAnUntrustedServer) {
  const Download download(kSize, 0, "");
  EXPECT_EQ(download.ending(TransferEnd::TlsNotYetValid).code, Code::ClockUnset);
  EXPECT_EQ(download.ending(TransferEnd::TlsUntrusted).code, Code::TlsUntrusted);
  EXPECT_EQ(download.ending(TransferEnd::InsecureUrl).next, Next::Wait);
}

TEST(Download, HonoursRetryAfterUpToADay) {
  ResponseHead head = answer(429);
  head.retry_after = 30s;
  Download soon(kSize, 0, "");
  (void)soon.judge(head);
  EXPECT_EQ(soon.ending(TransferEnd::Stopped).retry_after, Duration(30s));
  head.retry_after = std::chrono::hours(24 * 365);
  Download never(kSize, 0, "");
  (void)never.judge(head);
  EXPECT_EQ(never.ending(TransferEnd::Stopped).retry_after, kRetryAfterMax);
}

TEST(Download, CancelWinsOverRetry) {
  const Download download(kSize, 10, kEtag);
  EXPECT_EQ(download.ending(TransferEnd::Cancelled).next, Next::Cancel);
}

}  // namespace
}  // namespace ota::fetch
