#include "device/host/net/curl_transport.hpp"

#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "device/host/net/loopback_server_testing.hpp"

namespace ota::net {
namespace {

using fetch::Request;
using fetch::ResponseHead;
using fetch::TransferEnd;
using fetch::Verdict;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

/// Notes everything; stops when told.
class Notes final : public fetch::Receiver {
 public:
  Verdict on_head(const ResponseHead& head) noexcept override {
    ++heads;
    last = head;
    return at_head;
  }
  Verdict on_body(Bytes bytes) noexcept override {
    body += text_of(bytes);
    largest_piece = std::max(largest_piece, bytes.size());
    if (cancel_at_body != nullptr) cancel_at_body->request();
    return body.size() >= stop_at_bytes ? Verdict::Stop : Verdict::Continue;
  }

  int heads = 0;
  ResponseHead last;
  std::string body;
  std::size_t largest_piece = 0;
  Verdict at_head = Verdict::Continue;
  std::size_t stop_at_bytes = SIZE_MAX;
  Cancel* cancel_at_body = nullptr;
};

CurlSettings plain() {
  CurlSettings settings;
  settings.allow_http = true;
  return settings;
}

LoopbackServer::Script answers(std::string text) {
  return [text = std::move(text)](LoopbackPeer& peer) { peer.write(text); };
}

/// The end of one GET from `server`.
TransferEnd get(const LoopbackServer& server, Notes& notes, CurlSettings settings = plain(),
                Request request = {}) {
  CurlTransport transport(std::move(settings));
  const std::string url = server.url("/fw/image.bin");
  request.url = url;
  const Cancel cancel;
  return transport.get(request, notes, cancel);
}

TEST(CurlTransport, DeliversHeadThenBody) {
  LoopbackServer server(answers(
      "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 10-14/15\r\nContent-Length: 5\r\n"
      "eTAG: \"0x8D1\"\r\n\r\nhello"));
  Notes notes;
  EXPECT_EQ(get(server, notes), TransferEnd::Complete);
  EXPECT_EQ(notes.heads, 1);
  EXPECT_EQ(notes.last.status, 206);
  EXPECT_EQ(notes.last.content_range->first, 10U);
  EXPECT_EQ(notes.last.content_range->total, 15U);
  EXPECT_EQ(notes.last.content_length, 5U);
  EXPECT_EQ(notes.last.etag, "\"0x8D1\"");
  EXPECT_EQ(notes.body, "hello");
}

TEST(CurlTransport, AsksWithRangeAndConditionAndNothingElse) {
  LoopbackServer server(answers("HTTP/1.1 206 OK\r\nContent-Length: 0\r\n\r\n"));
  Notes notes;
  get(server, notes, plain(), {.sas = "sig=s", .first_byte = 65536, .if_match = "\"0x8D1\""});
  ASSERT_THAT(server.requests(), SizeIs(1));
  const std::string request = server.requests()[0];
  EXPECT_THAT(request, HasSubstr("GET /fw/image.bin?sig=s HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("Range: bytes=65536-\r\n"));
  EXPECT_THAT(request, HasSubstr("If-Match: \"0x8D1\"\r\n"));
  EXPECT_THAT(request, Not(HasSubstr("Accept-Encoding")));
  get(server, notes);
  EXPECT_THAT(server.requests()[1], HasSubstr("Range: bytes=0-\r\n"));
  EXPECT_THAT(server.requests()[1], Not(HasSubstr("If-Match")));
}

TEST(CurlTransport, KeepsErrorPagesAwayFromTheImage) {
  for (const char* status : {"412 Precondition Failed", "503 Busy", "301 Moved"}) {
    LoopbackServer server(
        answers(std::string("HTTP/1.1 ") + status +
                "\r\nRetry-After: 7\r\nLocation: /else\r\nContent-Length: 4\r\n\r\npage"));
    Notes notes;
    EXPECT_EQ(get(server, notes), TransferEnd::Complete) << status;
    EXPECT_EQ(notes.body, "") << status;
    EXPECT_EQ(notes.heads, 1) << status;
    EXPECT_EQ(notes.last.retry_after, Duration(std::chrono::seconds(7)));
    EXPECT_THAT(server.requests(), SizeIs(1)) << "a redirect was followed";
  }
}

TEST(CurlTransport, StopsAtTheHead) {
  LoopbackServer server(answers("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"));
  Notes notes;
  notes.at_head = Verdict::Stop;
  EXPECT_EQ(get(server, notes), TransferEnd::Stopped);
  EXPECT_EQ(notes.body, "");
}

TEST(CurlTransport, StopsWithinOneBuffer) {
  const std::string big(200'000, 'x');
  LoopbackServer server(answers("HTTP/1.1 206 OK\r\nContent-Length: 200000\r\n\r\n" + big));
  Notes notes;
  notes.stop_at_bytes = 64 * 1024;
  EXPECT_EQ(get(server, notes), TransferEnd::Stopped);
  EXPECT_LT(notes.body.size(), 64U * 1024 + 16 * 1024);
  EXPECT_LE(notes.largest_piece, 16U * 1024);
}

TEST(CurlTransport, SpreadsTheBytesOverTheTimeOfTheRate) {
  const std::string big(200'000, 'x');
  LoopbackServer server(answers("HTTP/1.1 206 OK\r\nContent-Length: 200000\r\n\r\n" + big));
  CurlSettings settings = plain();
  settings.max_rate_bytes = 400'000;
  Notes notes;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(get(server, notes, settings), TransferEnd::Complete);
  // All but the last piece are paid for: (200,000 - 16,384) / 400,000 s.
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(450));
  EXPECT_EQ(notes.body, big);
}

TEST(CurlTransport, SkipsInterimHeads) {
  LoopbackServer server(
      answers("HTTP/1.1 103 Early Hints\r\nETag: \"old\"\r\n\r\nHTTP/1.1 206 OK\r\nContent-Length: "
              "1\r\n\r\nx"));
  Notes notes;
  EXPECT_EQ(get(server, notes), TransferEnd::Complete);
  EXPECT_EQ(notes.heads, 1);
  EXPECT_EQ(notes.last.status, 206);
  EXPECT_TRUE(notes.last.etag.empty());
}

TEST(CurlTransport, ABodyThatEndsEarlyIsNotComplete) {
  LoopbackServer server([](LoopbackPeer& peer) {
    peer.write("HTTP/1.1 206 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nhalf");
    peer.close();
  });
  Notes notes;
  EXPECT_EQ(get(server, notes), TransferEnd::Unreachable);
  EXPECT_EQ(notes.body, "half");
}

TEST(CurlTransport, ComesBackSoonWhenCancelled) {
  LoopbackServer server([](LoopbackPeer& peer) {
    peer.write("HTTP/1.1 206 OK\r\nContent-Length: 10\r\n\r\nhalf");
    peer.wait_for_close();
  });
  CurlTransport transport(plain());
  Cancel cancel;
  Notes notes;
  notes.cancel_at_body = &cancel;
  const std::string url = server.url("/x");
  EXPECT_EQ(transport.get({.url = url}, notes, cancel), TransferEnd::Cancelled);
}

TEST(CurlTransport, ASilentServerTimesOut) {
  LoopbackServer server([](LoopbackPeer& peer) {
    peer.write("HTTP/1.1 206 OK\r\nContent-Length: 10\r\n\r\nhalf");
    peer.wait_for_close();
  });
  CurlSettings settings = plain();
  settings.low_speed_time = std::chrono::seconds(1);
  Notes notes;
  EXPECT_EQ(get(server, notes, settings), TransferEnd::TimedOut);
}

TEST(CurlTransport, RefusesPlainHttpUnlessAllowed) {
  LoopbackServer server(answers("HTTP/1.1 206 OK\r\nContent-Length: 0\r\n\r\n"));
  Notes notes;
  EXPECT_EQ(get(server, notes, CurlSettings{}), TransferEnd::InsecureUrl);
  EXPECT_THAT(server.requests(), SizeIs(0));
}

TEST(CurlTransport, KeepsOneConnection) {
  std::atomic<int> answered = 0;
  LoopbackServer server([&answered](LoopbackPeer& peer) {
    ++answered;
    peer.write("HTTP/1.1 206 OK\r\nContent-Length: 1\r\n\r\nx");
  });
  CurlTransport transport(plain());
  const Cancel cancel;
  Notes notes;
  const std::string url = server.url("/x");
  EXPECT_EQ(transport.get({.url = url}, notes, cancel), TransferEnd::Complete);
  // The server takes one connection at a time: a second one would wait for ever.
  EXPECT_EQ(transport.get({.url = url}, notes, cancel), TransferEnd::Complete);
  EXPECT_EQ(answered, 2);
}

/// Writes a PEM into the test's folder and gives its name.
std::string authority_file(const std::string& pem) {
  const std::string path =
      ::testing::TempDir() + "curl_transport_ca_" + std::to_string(::getpid()) + ".pem";
  std::ofstream(path) << pem;
  return path;
}

TEST(CurlTransport, TellsWhyTlsFails) {
  const auto script = answers("HTTP/1.1 206 OK\r\nContent-Length: 1\r\n\r\nx");
  CurlSettings settings;
  Notes notes;

  LoopbackServer good(script, -60);
  EXPECT_EQ(get(good, notes, settings), TransferEnd::TlsUntrusted);
  settings.ca_file = authority_file(good.certificate());
  EXPECT_EQ(get(good, notes, settings), TransferEnd::Complete);

  LoopbackServer early(script, 3600);
  settings.ca_file = authority_file(early.certificate());
  EXPECT_EQ(get(early, notes, settings), TransferEnd::TlsNotYetValid);
  std::remove(settings.ca_file.c_str());
}

TEST(CurlTransport, NobodyThereIsUnreachable) {
  CurlTransport transport(plain());
  const Cancel cancel;
  Notes notes;
  EXPECT_EQ(transport.get({.url = "http://127.0.0.1:1/x"}, notes, cancel),
            TransferEnd::Unreachable);
}

TEST(CurlTransport, NoTokenReachesTheLog) {
  std::ostringstream text;
  const auto previous = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text)));
  spdlog::set_level(spdlog::level::trace);
  CurlTransport transport(plain());
  const Cancel cancel;
  Notes notes;
  transport.get({.url = "http://127.0.0.1:1/x", .sas = "sig=SECRET"}, notes, cancel);
  transport.get({.url = "ftp://127.0.0.1:1/x", .sas = "sig=SECRET"}, notes, cancel);
  transport.get({.url = "http://[bad/x", .sas = "sig=SECRET"}, notes, cancel);
  spdlog::set_default_logger(previous);
  EXPECT_THAT(text.str(), HasSubstr("http://127.0.0.1:1/x"));
  EXPECT_THAT(text.str(), Not(HasSubstr("SECRET")));
}

}  // namespace
}  // namespace ota::net
