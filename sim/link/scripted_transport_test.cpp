#include "sim/link/scripted_transport.hpp"

#include <gtest/gtest.h>

#include "sim/link/manual_clock.hpp"

namespace ota::sim {
namespace {

using namespace std::chrono_literals;
using fetch::TransferEnd;

struct Recorder final : fetch::Receiver {
  fetch::Verdict on_head(const fetch::ResponseHead& answer) noexcept override {
    head = answer;
    ++heads;
    return on_head_says;
  }
  fetch::Verdict on_body(Bytes bytes) noexcept override {
    body.insert(body.end(), bytes.begin(), bytes.end());
    return fetch::Verdict::Continue;
  }
  fetch::ResponseHead head;
  int heads = 0;
  std::vector<std::byte> body;
  fetch::Verdict on_head_says = fetch::Verdict::Continue;
};

class ScriptedTransportTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kTotal = 40'000;

  ScriptedTransportTest() {
    object_.bytes.resize(kTotal);
    for (std::size_t i = 0; i < object_.bytes.size(); ++i) {
      object_.bytes[i] = static_cast<std::byte>(i);
    }
    transport_.serve(object_);
  }

  /// One request as a good device would send it.
  TransferEnd get(std::uint32_t first_byte = 0, std::string_view if_match = {}) {
    recorder_ = {};
    return transport_.get({.first_byte = first_byte, .if_match = if_match}, recorder_, cancel_);
  }
  TransferEnd get_with(const Exchange& exchange, std::uint32_t first_byte = 0) {
    transport_.then(exchange);
    return get(first_byte);
  }
  Duration time_of(const Exchange& exchange) {
    const Instant before = clock_.now();
    end_ = get_with(exchange);
    return clock_.now() - before;
  }
  /// Whether the body is the object's bytes from `first_byte` on.
  bool is_object_from(std::size_t first_byte) const {
    return recorder_.body.size() <= object_.bytes.size() - first_byte &&
           std::equal(recorder_.body.begin(), recorder_.body.end(),
                      object_.bytes.begin() + static_cast<std::ptrdiff_t>(first_byte));
  }
  const ScriptedTransport::Seen& last() const { return transport_.requests().back(); }

  ManualClock clock_;
  RemoteObject object_;
  ScriptedTransport transport_{clock_};
  Recorder recorder_;
  Cancel cancel_;
  TransferEnd end_ = TransferEnd::Complete;
};

TEST_F(ScriptedTransportTest, ServesTheRestOfTheObject) {
  EXPECT_EQ(get(39'990), TransferEnd::Complete);
  EXPECT_EQ(recorder_.head.status, 206);
  EXPECT_EQ(recorder_.head.content_range->first, 39'990U);
  EXPECT_EQ(recorder_.head.content_range->last, 39'999U);
  EXPECT_EQ(recorder_.head.content_range->total, kTotal);
  EXPECT_EQ(recorder_.body.size(), 10U);
  EXPECT_TRUE(is_object_from(39'990));
}

TEST_F(ScriptedTransportTest, DropsAtTheGivenByte) {
  for (const std::uint64_t at : {0U, 1U, 16'384U, 17'001U, 39'999U}) {
    EXPECT_EQ(get_with({.drop_after = at}), TransferEnd::Unreachable);
    EXPECT_EQ(recorder_.heads, 1);
    EXPECT_EQ(recorder_.body.size(), at);
    EXPECT_TRUE(is_object_from(0));
  }
}

TEST_F(ScriptedTransportTest, FailsBeforeTheHead) {
  for (const TransferEnd end : {TransferEnd::Unreachable, TransferEnd::TlsUntrusted}) {
    EXPECT_EQ(get_with({.end = end, .without_head = true}), end);
    EXPECT_EQ(recorder_.heads, 0);
    EXPECT_EQ(last().status, 0);
  }
}

TEST_F(ScriptedTransportTest, NeverFailsTlsAfterTheHead) {
  EXPECT_EQ(get_with({.drop_after = 100, .end = TransferEnd::TlsUntrusted}),
            TransferEnd::TlsUntrusted);
  EXPECT_EQ(recorder_.heads, 0);
}

TEST_F(ScriptedTransportTest, TakesTheTimeOfASlowStart) {
  EXPECT_GE(time_of({.takes = 59s}), 59s);
  EXPECT_EQ(end_, TransferEnd::Complete);
}

TEST_F(ScriptedTransportTest, TimesOutWhenNoHeadComes) {
  EXPECT_EQ(time_of({.takes = 3h}), fetch::kLowSpeedTime);
  EXPECT_EQ(end_, TransferEnd::TimedOut);
  EXPECT_EQ(recorder_.heads, 0);
}

TEST_F(ScriptedTransportTest, TricklesAboveTheLowSpeedLimit) {
  EXPECT_EQ(time_of({.bytes_per_second = fetch::kLowSpeedBytes}), kTotal * 1s / 64);
  EXPECT_EQ(end_, TransferEnd::Complete);
  EXPECT_EQ(recorder_.body.size(), kTotal);
}

TEST_F(ScriptedTransportTest, TimesOutBelowTheLowSpeedLimit) {
  EXPECT_EQ(time_of({.bytes_per_second = fetch::kLowSpeedBytes - 1}), fetch::kLowSpeedTime);
  EXPECT_EQ(end_, TransferEnd::TimedOut);
  EXPECT_GT(recorder_.body.size(), 3000U);
  EXPECT_LT(recorder_.body.size(), 63U * 60U);
}

TEST_F(ScriptedTransportTest, StallsUntilTheLowSpeedTimeIsOver) {
  EXPECT_GE(time_of({.stall_after = 20'000}), fetch::kLowSpeedTime);
  EXPECT_EQ(end_, TransferEnd::TimedOut);
  EXPECT_EQ(recorder_.body.size(), 20'000U);
}

TEST_F(ScriptedTransportTest, NoticesACancelWhileNothingComes) {
  transport_.on_piece([this](std::uint64_t) { cancel_.request(); });
  EXPECT_LT(time_of({.stall_after = 10}), 1s);
  EXPECT_EQ(end_, TransferEnd::Cancelled);
}

TEST_F(ScriptedTransportTest, IgnoresTheRange) {
  EXPECT_EQ(get_with({.ignore_range = true}, 100), TransferEnd::Complete);
  EXPECT_EQ(recorder_.head.status, 200);
  EXPECT_FALSE(recorder_.head.content_range);
  EXPECT_EQ(recorder_.head.content_length, kTotal);
  EXPECT_EQ(recorder_.body, object_.bytes);
}

TEST_F(ScriptedTransportTest, LiesAboutTheRange) {
  (void)get_with({.shift_range = 7}, 100);
  EXPECT_EQ(recorder_.head.content_range->first, 107U);
  EXPECT_TRUE(is_object_from(107));
  (void)get_with({.shift_total = -10}, 100);
  EXPECT_FALSE(recorder_.head.content_range) << "last is not below total: malformed";
  (void)get_with({.shift_total = 10}, 100);
  EXPECT_EQ(recorder_.head.content_range->total, kTotal + 10);
  (void)get_with({.without_content_range = true}, 100);
  EXPECT_FALSE(recorder_.head.content_range);
}

TEST_F(ScriptedTransportTest, SendsAnotherLengthThanTheRest) {
  EXPECT_EQ(get_with({.part_bytes = 50}, 100), TransferEnd::Complete);
  EXPECT_EQ(recorder_.head.content_range->last, 149U);
  EXPECT_EQ(recorder_.body.size(), 50U);
  EXPECT_EQ(get_with({.missing_bytes = 50}, 100), TransferEnd::Complete);
  EXPECT_EQ(recorder_.head.content_range->last, kTotal - 1);
  EXPECT_EQ(recorder_.body.size(), kTotal - 150U);
  EXPECT_EQ(get_with({.excess_bytes = 20'000}, 100), TransferEnd::Complete);
  EXPECT_EQ(recorder_.body.size(), kTotal - 100U + 20'000U);
  EXPECT_EQ(last().handed_end, kTotal) << "the excess is not of the object";
  (void)get_with({.without_length = true}, 100);
  EXPECT_FALSE(recorder_.head.content_length);
}

TEST_F(ScriptedTransportTest, ChangesTheEtag) {
  (void)get();
  const std::string before(recorder_.head.etag.view());
  transport_.then({.replaced = true});
  (void)get(10, before);
  EXPECT_EQ(recorder_.head.status, 412);
  transport_.then({.replaced = true, .ignore_if_match = true});
  (void)get(10, before);
  EXPECT_EQ(recorder_.head.status, 206);
  EXPECT_NE(recorder_.head.etag.view(), before);
  EXPECT_TRUE(is_object_from(10));
  (void)get_with({.without_etag = true});
  EXPECT_TRUE(recorder_.head.etag.empty());
}

TEST_F(ScriptedTransportTest, ChangesTheContentUnderTheSameEtag) {
  (void)get_with({.stale_content = true}, 10);
  EXPECT_EQ(recorder_.head.etag.view(), object_.etag);
  EXPECT_EQ(recorder_.body.size(), kTotal - 10U);
  EXPECT_NE(recorder_.body.front(), object_.bytes[10]);
  (void)get(10);
  EXPECT_TRUE(is_object_from(10));
}

TEST_F(ScriptedTransportTest, AnswersAWrongTokenWith403) {
  transport_.demand_sas("good");
  (void)transport_.get({.sas = "bad"}, recorder_, cancel_);
  EXPECT_EQ(recorder_.head.status, 403);
  (void)transport_.get({.sas = "good"}, recorder_, cancel_);
  EXPECT_EQ(recorder_.head.status, 206);
}

TEST_F(ScriptedTransportTest, RefusesAnExpiredTokenUntilAnotherComes) {
  transport_.then({.expire_token = true});
  for (int i = 0; i < 3; ++i) {
    (void)transport_.get({.sas = "old"}, recorder_, cancel_);
    EXPECT_EQ(recorder_.head.status, 403);
  }
  (void)transport_.get({.sas = "new"}, recorder_, cancel_);
  EXPECT_EQ(recorder_.head.status, 206);
}

TEST_F(ScriptedTransportTest, RepeatsAFaultThatLasts) {
  transport_.then({.status = 503, .retry_after = 5s, .lasts = 1min});
  for (int i = 0; i < 3; ++i) {
    (void)get();
    EXPECT_EQ(recorder_.head.status, 503);
    EXPECT_EQ(recorder_.head.retry_after, Duration(5s));
    clock_.advance(20s);
  }
  (void)get();
  EXPECT_EQ(recorder_.head.status, 206);
}

TEST_F(ScriptedTransportTest, ServesPagesThatAreNotTheObject) {
  (void)get_with({.status = 500}, 10);
  EXPECT_EQ(recorder_.head.status, 500);
  EXPECT_EQ(recorder_.head.content_length, recorder_.body.size());
  EXPECT_EQ(last().handed_end, 0U);
  EXPECT_EQ(last().body_bytes, recorder_.body.size());
  (void)get_with({.login_page = true}, 10);
  EXPECT_EQ(recorder_.head.status, 200);
  EXPECT_EQ(text_of(recorder_.body).substr(0, 9), "<!DOCTYPE");
}

TEST_F(ScriptedTransportTest, KeepsObjectsByAddress) {
  transport_.serve({.bytes = std::vector<std::byte>(5), .etag = "\"2\"", .url = "https://b/2"});
  (void)transport_.get({.url = "https://b/2"}, recorder_, cancel_);
  EXPECT_EQ(recorder_.body.size(), 5U);
  recorder_ = {};
  (void)transport_.get({.url = "https://b/1"}, recorder_, cancel_);
  EXPECT_EQ(recorder_.body.size(), kTotal);
}

TEST_F(ScriptedTransportTest, AnswersAnAddressWithoutObjectWith404) {
  ScriptedTransport empty{clock_};
  (void)empty.get({}, recorder_, cancel_);
  EXPECT_EQ(recorder_.head.status, 404);
}

TEST_F(ScriptedTransportTest, GoesOnSendingAnObjectThatIsReplacedMeanwhile) {
  transport_.on_piece([this](std::uint64_t) { transport_.serve({.bytes = {}, .etag = "\"2\""}); });
  EXPECT_EQ(get(), TransferEnd::Complete);
  EXPECT_EQ(recorder_.body, object_.bytes);
}

TEST_F(ScriptedTransportTest, CountsBytesThatAreFetchedAgain) {
  (void)get_with({.drop_after = 20'000});
  EXPECT_EQ(last().handed_end, 20'000U);
  (void)get(20'000);
  EXPECT_EQ(transport_.bytes_again(), 0U);
  (void)get(39'000);
  EXPECT_EQ(last().first_byte, 39'000U);
  EXPECT_EQ(last().again_bytes, 1000U);
  (void)get();
  EXPECT_EQ(last().again_bytes, kTotal);
  EXPECT_EQ(transport_.bytes_again(), kTotal + 1000U);
}

TEST_F(ScriptedTransportTest, ExcusesOneRestartWhenTheBytesAreVoid) {
  for (const Exchange& exchange : {Exchange{.ignore_range = true}, Exchange{.status = 412},
                                   Exchange{.replaced = true}, Exchange{.stale_content = true}}) {
    SCOPED_TRACE(testing::PrintToString(exchange.status));
    ASSERT_TRUE(voids_bytes(exchange));
    ScriptedTransport transport{clock_};
    transport.serve(object_);
    transport.then({.drop_after = 20'000});
    transport.then(exchange);
    (void)transport.get({}, recorder_, cancel_);
    (void)transport.get({.first_byte = 20'000, .if_match = object_.etag}, recorder_, cancel_);
    if (!exchange.ignore_range) (void)transport.get({}, recorder_, cancel_);
    EXPECT_EQ(transport.bytes_again(), 0U);
    EXPECT_EQ(transport.requests().back().handed_end, kTotal);
    (void)transport.get({}, recorder_, cancel_);
    EXPECT_EQ(transport.bytes_again(), kTotal);
  }
}

TEST_F(ScriptedTransportTest, DoesNotExcuseARestartThatTheReceiverRefused) {
  (void)get_with({.drop_after = 20'000});
  recorder_ = {};
  recorder_.on_head_says = fetch::Verdict::Stop;
  transport_.then({.ignore_range = true});
  EXPECT_EQ(transport_.get({.first_byte = 20'000}, recorder_, cancel_), TransferEnd::Stopped);
  (void)get();
  EXPECT_EQ(transport_.bytes_again(), 20'000U);
}

}  // namespace
}  // namespace ota::sim
