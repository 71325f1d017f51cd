#include "cloud/hub/http/http_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "cloud/hub/http/gathered_body.hpp"

namespace ota::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class TextSource final : public BodySource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  std::uint64_t size() const override { return text_.size(); }
  Result<std::size_t, std::string> read(MutableBytes into) override {
    const std::size_t size = std::min(into.size(), text_.size() - at_);
    std::copy_n(bytes_of(text_).subspan(at_).begin(), size, into.begin());
    at_ += size;
    return size;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

class Lines final : public LiveBody {
 public:
  std::string read(std::size_t) override { return std::exchange(waiting_, {}); }
  void on_more(std::function<void()> wake) override { wake_ = std::move(wake); }
  void add(std::string_view line) {
    waiting_ += line;
    wake_();
  }

 private:
  std::string waiting_;
  std::function<void()> wake_;
};

class EchoService final : public HttpService {
 public:
  Begun begin(RequestHead head) override {
    seen.push_back(head.method + " " + head.path + "?" + head.query);
    if (head.path == "/refuse") return Reply{403, {}, "no"};
    if (head.path == "/empty") return Reply{204, {}, ""};
    if (head.path == "/stream") return Reply{200, {}, "", std::make_unique<TextSource>(streamed)};
    if (head.path == "/later") return later_reply();
    if (head.path == "/live") return live_reply();
    if (head.path == "/split") {
      Reply reply;
      reply.headers.add("x-evil", "a\r\nSet-Cookie: b");
      return reply;
    }
    return gather_body(std::move(head), 100, [](HttpRequest request) {
      return Reply{200, {}, "[" + request.body + "]"};
    });
  }

  Reply later_reply() {
    auto answer = std::make_shared<LaterAnswer>();
    owed = answer;
    Reply reply;
    reply.later = std::move(answer);
    reply.later_for_sure = later_for_sure;
    return reply;
  }
  Reply live_reply() {
    auto body = std::make_shared<Lines>();
    lines = body;
    Reply reply;
    reply.live = std::move(body);
    return reply;
  }

  std::weak_ptr<LaterAnswer> owed;
  bool later_for_sure = false;
  std::weak_ptr<Lines> lines;
  std::string streamed = std::string(kHttpChunkBytes * 2 + 1, 's');
  std::vector<std::string> seen;
};

struct Rig {
  EchoService service;
  std::function<std::int64_t()> wall_clock = [] { return std::int64_t{1'893'456'000}; };
  Instant now{};
  HttpSession session{service, {"127.0.0.1", nullptr}, wall_clock, now};

  std::string take() {
    std::string all;
    for (Bytes out = session.output(); !out.empty(); out = session.output()) {
      all += text_of(out);
      session.sent(out.size(), now);
    }
    return all;
  }
  std::string say(std::string_view bytes) {
    session.feed(bytes_of(bytes), now);
    return take();
  }
};

TEST(HttpSession, AnswersAndKeepsTheConnection) {
  Rig rig;
  const std::string answer = rig.say("GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(
      answer,
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\n\r\n[]");
  EXPECT_THAT(rig.service.seen, ElementsAre("GET /a?b=c"));
  EXPECT_FALSE(rig.session.closing());
  EXPECT_TRUE(rig.session.wants_input());
}

TEST(HttpSession, TakesARequestByteByByte) {
  Rig rig;
  std::string answer;
  for (const char c :
       std::string("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")) {
    answer += rig.say(std::string(1, c));
  }
  EXPECT_TRUE(answer.ends_with("[hello]"));
}

TEST(HttpSession, DecodesChunks) {
  Rig rig;
  EXPECT_TRUE(rig.say("PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
                      "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
                  .ends_with("[abcde]"));
}

TEST(HttpSession, AnswersPipelinedRequestsInOrder) {
  Rig rig;
  const std::string answer = rig.say(
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: "
      "1\r\n\r\nxGET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(rig.service.seen, ElementsAre("GET /1?", "POST /2?", "GET /3?"));
  EXPECT_THAT(answer, HasSubstr("[x]"));
}

TEST(HttpSession, DoesNotReadAheadWhileAnAnswerWaits) {
  Rig rig;
  rig.session.feed(
      bytes_of("GET /stream HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"),
      rig.now);
  EXPECT_FALSE(rig.session.wants_input());
  EXPECT_EQ(rig.service.seen.size(), 1U);
  rig.take();
  EXPECT_EQ(rig.service.seen.size(), 2U);
}

TEST(HttpSession, StreamsInChunks) {
  Rig rig;
  const std::string answer = rig.say("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + rig.service.streamed));
  EXPECT_TRUE(rig.session.wants_input());
}

TEST(HttpSession, SendsNoBodyForHead) {
  Rig rig;
  const std::string answer = rig.say("HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: " + std::to_string(rig.service.streamed.size())));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
  EXPECT_TRUE(rig.session.wants_input());
}

TEST(HttpSession, SaysContinueOnlyIfTheBodyIsWanted) {
  Rig rig;
  EXPECT_EQ(
      rig.say("PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
      "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(rig.say("hi").ends_with("[hi]"));
  EXPECT_TRUE(
      rig.say(
             "PUT /refuse HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
          .starts_with("HTTP/1.1 403 "));
  EXPECT_TRUE(rig.session.closing());
}

TEST(HttpSession, SwallowsASmallUnwantedBody) {
  Rig rig;
  EXPECT_EQ(rig.say("PUT /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"), "");
  EXPECT_TRUE(rig.say("12345").starts_with("HTTP/1.1 403 "));
  EXPECT_TRUE(rig.say("GET /a HTTP/1.1\r\nHost: h\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

TEST(HttpSession, ClosesAfterALargeUnwantedBody) {
  Rig rig;
  EXPECT_THAT(rig.say("PUT /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n"),
              HasSubstr("Connection: close"));
  EXPECT_TRUE(rig.session.closing());
}

TEST(HttpSession, RefusesABodyOverTheLimit) {
  Rig rig;
  EXPECT_TRUE(
      rig.say("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x'))
          .starts_with("HTTP/1.1 413 "));
  Rig chunked;
  EXPECT_TRUE(chunked
                  .say("PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" +
                       std::string(101, 'x'))
                  .starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(chunked.session.closing());
}

TEST(HttpSession, RefusesWhatIsNotHttp) {
  for (const std::string& bytes :
       {std::string("nonsense\r\n\r\n"), std::string("GET / HTTP/1.1\r\nbad header\r\n\r\n"),
        std::string("\x16\x03\x01", 3) + std::string(100, '\0'),
        std::string("PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")}) {
    Rig rig;
    EXPECT_TRUE(rig.say(bytes).starts_with("HTTP/1.1 400 "));
    EXPECT_TRUE(rig.session.closing());
  }
}

TEST(HttpSession, LimitsTheHead) {
  Rig rig;
  EXPECT_TRUE(rig.say("GET / HTTP/1.1\r\nx: " + std::string(kHttpHeadBytesMax, 'x'))
                  .starts_with("HTTP/1.1 431 "));
}

TEST(HttpSession, ClosesWhenAskedTo) {
  Rig rig;
  EXPECT_THAT(rig.say("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
              HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(rig.session.closing());
  Rig old;
  old.say("GET /a HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.session.closing());
}

TEST(HttpSession, KeepsFieldValuesOnOneLine) {
  Rig rig;
  EXPECT_THAT(rig.say("GET /split HTTP/1.1\r\nHost: h\r\n\r\n"), Not(HasSubstr("\nSet-Cookie")));
}

TEST(HttpSession, SendsNoLengthWithNoContent) {
  Rig rig;
  EXPECT_THAT(rig.say("GET /empty HTTP/1.1\r\nHost: h\r\n\r\n"), Not(HasSubstr("Content-Length")));
}

TEST(HttpSession, EndsASlowHead) {
  Rig rig;
  rig.say("GET / HTTP/1.1\r\n");
  ASSERT_EQ(rig.session.deadline(), rig.now + kHttpHeadTimeout);
  rig.now += kHttpHeadTimeout - std::chrono::seconds(1);
  rig.say("x: y\r\n");
  rig.now += std::chrono::seconds(1);
  rig.session.tick(rig.now);
  EXPECT_TRUE(rig.take().starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(rig.session.closing());
}

TEST(HttpSession, EndsAnIdleConnection) {
  Rig rig;
  ASSERT_EQ(rig.session.deadline(), rig.now + kHttpIdleTimeout);
  rig.session.tick(rig.now + kHttpIdleTimeout);
  EXPECT_TRUE(rig.session.closing());
}

TEST(HttpSession, FinishesTheAnswerBeforeItStops) {
  Rig rig;
  rig.session.feed(bytes_of("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"), rig.now);
  rig.session.stop(rig.now);
  EXPECT_FALSE(rig.session.closing());
  EXPECT_TRUE(rig.take().ends_with(rig.service.streamed));
  EXPECT_TRUE(rig.session.closing());
  Rig idle;
  idle.session.stop(idle.now);
  EXPECT_TRUE(idle.session.closing());
}

// ---- Answers that come later ----

constexpr std::string_view kAskLater = "GET /later HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(HttpSession, GivesALaterAnswerAndKeepsTheConnection) {
  Rig rig;
  bool woken = false;
  rig.session.on_wake([&] { woken = true; });
  EXPECT_EQ(rig.say(kAskLater), "");
  rig.now += std::chrono::seconds(200);  // longer than an idle connection lives
  rig.session.tick(rig.now);
  rig.service.owed.lock()->give({.status = 201, .headers = {}, .body = "at last"});
  EXPECT_TRUE(woken);
  const std::string answer = rig.take();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 201 Created\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nat last"));
  EXPECT_TRUE(
      rig.say("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx").ends_with("[x]"));
}

TEST(HttpSession, GivesALaterAnswerThatIsKnownAtOnce) {
  Rig rig;
  rig.session.feed(bytes_of(kAskLater), rig.now);
  rig.service.owed.lock()->give({.status = 200, .headers = {}, .body = "now"});
  EXPECT_TRUE(rig.take().ends_with("now"));
}

TEST(HttpSession, AnswersPipelinedRequestsAfterALaterAnswer) {
  Rig rig;
  EXPECT_EQ(rig.say(std::string(kAskLater) + "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n"), "");
  EXPECT_THAT(rig.service.seen, ElementsAre("GET /later?"));
  rig.service.owed.lock()->give({.status = 200, .headers = {}, .body = "first"});
  EXPECT_THAT(rig.take(), ::testing::ContainsRegex("first(.|\r|\n)*\\[\\]"));
}

TEST(HttpSession, ForgetsALaterAnswerWhenTheClientGoesAway) {
  Rig rig;
  rig.say(kAskLater);
  EXPECT_TRUE(rig.session.wants_input());  // else the end of the connection would not be seen
  EXPECT_FALSE(rig.service.owed.expired());
  rig.session.gone();
  EXPECT_TRUE(rig.service.owed.expired());
}

TEST(HttpSession, EndsAWaitForAnAnswerThatNeverComes) {
  Rig rig;
  rig.say(kAskLater);
  rig.now = *rig.session.deadline();
  rig.session.tick(rig.now);
  EXPECT_TRUE(rig.take().starts_with("HTTP/1.1 504 "));
  EXPECT_TRUE(rig.service.owed.expired());
}

TEST(HttpSession, SendsALaterAnswerThatWasGivenRightBeforeTheStop) {
  Rig rig;
  rig.say(kAskLater);
  rig.service.owed.lock()->give({.status = 200, .headers = {}, .body = "done"});
  rig.session.stop(rig.now);
  const std::string answer(text_of(rig.session.output()));
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("done"));
}

TEST(HttpSession, WaitsForASureAnswerWhenItStops) {
  Rig rig;
  rig.service.later_for_sure = true;
  rig.say(kAskLater);
  rig.session.stop(rig.now);
  EXPECT_EQ(rig.take(), "");
  EXPECT_FALSE(rig.session.closing());
  rig.service.owed.lock()->give({.status = 201, .headers = {}, .body = {}});
  EXPECT_THAT(rig.take(), HasSubstr("HTTP/1.1 201"));
  EXPECT_TRUE(rig.session.closing());
}

TEST(HttpSession, TellsWhoWaitsForALaterAnswerThatTheHubStops) {
  Rig rig;
  rig.say(kAskLater);
  rig.session.stop(rig.now);
  EXPECT_TRUE(rig.take().starts_with("HTTP/1.1 503 "));
  EXPECT_TRUE(rig.service.owed.expired());
  EXPECT_TRUE(rig.session.closing());
}

TEST(HttpSession, DoesNotReadMuchAheadWhileAnAnswerIsAwaited) {
  Rig rig;
  rig.say(kAskLater);
  rig.session.feed(bytes_of(std::string(kHttpAheadBytesMax, 'G')), rig.now);
  EXPECT_FALSE(rig.session.wants_input());
}

// ---- Bodies that grow ----

constexpr std::string_view kAskLive = "GET /live HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(HttpSession, SendsALiveBodyInChunksAsItGrows) {
  Rig rig;
  bool woken = false;
  rig.session.on_wake([&] { woken = true; });
  EXPECT_THAT(rig.say(kAskLive), HasSubstr("Transfer-Encoding: chunked\r\n"));
  rig.service.lines.lock()->add("{\"a\":1}\n");
  EXPECT_TRUE(woken);
  EXPECT_EQ(rig.take(), "8\r\n{\"a\":1}\n\r\n");
  EXPECT_TRUE(rig.session.wants_input());
}

TEST(HttpSession, SaysAnEmptyLineWhenALiveBodyIsSilent) {
  Rig rig;
  rig.say(kAskLive);
  rig.now = *rig.session.deadline();
  rig.session.tick(rig.now);
  EXPECT_EQ(rig.take(), "1\r\n\n\r\n");
}

TEST(HttpSession, EndsALiveBodyWhenTheClientDoesNotRead) {
  Rig rig;
  rig.say(kAskLive);
  rig.service.lines.lock()->add("line\n");
  EXPECT_FALSE(rig.session.output().empty());
  rig.now = *rig.session.deadline();
  rig.session.tick(rig.now);
  EXPECT_TRUE(rig.session.closing());
  EXPECT_TRUE(rig.service.lines.expired());
}

TEST(HttpSession, EndsALiveBodyInGoodOrderWhenTheHubStops) {
  Rig rig;
  rig.say(kAskLive);
  rig.session.stop(rig.now);
  EXPECT_EQ(rig.take(), "0\r\n\r\n");
  EXPECT_TRUE(rig.session.closing());
}

TEST(HttpSession, SendsALiveBodyWithoutChunksToOldClients) {
  Rig rig;
  EXPECT_THAT(rig.say("GET /live HTTP/1.0\r\n\r\n"), Not(HasSubstr("chunked")));
  rig.service.lines.lock()->add("line\n");
  EXPECT_EQ(rig.take(), "line\n");
}

}  // namespace
}  // namespace ota::hub
