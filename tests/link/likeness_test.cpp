// Is the simulated link like a real one? Each fault goes once through the simulation and once as
// bytes of HTTP through a socket and libcurl; the download rules must end in the same place.

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <charconv>

#include "device/core/fetch/download.hpp"
#include "device/host/net/curl_transport.hpp"
#include "device/host/net/loopback_server_testing.hpp"
#include "sim/link/link_faults.hpp"
#include "sim/link/manual_clock.hpp"
#include "sim/link/scripted_transport.hpp"
#include "tests/run_settings.hpp"

namespace ota::test {
namespace {

using fetch::Download;
using fetch::HeadVerdict;
using fetch::TransferEnd;
using fetch::Verdict;
using sim::Exchange;
using sim::LinkFault;

constexpr std::uint32_t kSize = 40'000;

/// The whole answer, whatever the rules say to it.
struct Recording final : fetch::Receiver {
  Verdict on_head(const fetch::ResponseHead& answer) noexcept override {
    head = answer;
    return Verdict::Continue;
  }
  Verdict on_body(Bytes bytes) noexcept override {
    body += text_of(bytes);
    return Verdict::Continue;
  }
  fetch::ResponseHead head;
  std::string body;
};

/// A device without a flash.
struct Device final : fetch::Receiver {
  Device(std::uint32_t had, std::string_view etag) : rules(kSize, had, etag) {}

  Verdict on_head(const fetch::ResponseHead& head) noexcept override {
    verdict = rules.judge(head);
    const bool goes_on = verdict == HeadVerdict::Append || verdict == HeadVerdict::Restart;
    return goes_on ? Verdict::Continue : Verdict::Stop;
  }
  Verdict on_body(Bytes bytes) noexcept override {
    const Bytes ours = rules.accept(bytes);
    stored += text_of(ours);
    return ours.size() < bytes.size() ? Verdict::Stop : Verdict::Continue;
  }

  Download rules;
  std::optional<HeadVerdict> verdict;
  std::string stored;
};

std::string chunk_of(std::string_view body) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, body.size(), 16).ptr;
  return std::string(digits, end) + "\r\n" + std::string(body) + "\r\n";
}

/// What a server writes to its socket for an exchange; it closes the connection then.
std::string http_of(const Recording& answer, const Exchange& exchange) {
  if (exchange.without_head) return {};
  const fetch::ResponseHead& head = answer.head;
  std::string text = "HTTP/1.1 " + std::to_string(head.status) + " Scripted\r\n";
  if (head.content_range) {
    text += "Content-Range: bytes " + std::to_string(head.content_range->first) + "-" +
            std::to_string(head.content_range->last) + "/" +
            std::to_string(head.content_range->total) + "\r\n";
  } else if (head.status == 206) {
    text += "Content-Range: bytes 5-4/3\r\n";
  }
  if (!head.etag.empty()) text += "ETag: " + std::string(head.etag.view()) + "\r\n";
  if (head.retry_after) {
    const auto wait = std::chrono::duration_cast<std::chrono::seconds>(*head.retry_after);
    text += "Retry-After: " + std::to_string(wait.count()) + "\r\n";
  }
  const bool chunked = !head.content_length;
  text += chunked ? "Transfer-Encoding: chunked\r\n\r\n"
                  : "Content-Length: " + std::to_string(*head.content_length) + "\r\n\r\n";
  const std::size_t head_bytes = text.size();
  if (!chunked) {
    text += answer.body;
    return text.substr(0, head_bytes + exchange.drop_after.value_or(answer.body.size()));
  }
  if (exchange.drop_after) {
    const std::string chunk = chunk_of(answer.body);
    const std::size_t prefix = chunk.size() - answer.body.size() - 2;
    return text + chunk.substr(0, prefix + *exchange.drop_after);
  }
  return text + (answer.body.empty() ? "" : chunk_of(answer.body)) + "0\r\n\r\n";
}

class Likeness : public ::testing::TestWithParam<std::uint8_t> {
 protected:
  Likeness() {
    spdlog::set_level(spdlog::level::off);
    SplitMix64 random(1);
    object_.bytes.resize(kSize);
    for (auto& byte : object_.bytes) byte = static_cast<std::byte>(random.next() >> 56U);
  }
  ~Likeness() override { spdlog::set_level(spdlog::level::info); }

  TransferEnd simulate(const Exchange& exchange, const fetch::Request& request,
                       fetch::Receiver& receiver) {
    sim::ManualClock clock;
    sim::ScriptedTransport transport{clock};
    transport.serve(object_);
    transport.then(exchange);
    return transport.get(request, receiver, cancel_);
  }

  TransferEnd over_a_socket(const Exchange& exchange, fetch::Request request,
                            fetch::Receiver& receiver) {
    Exchange whole = exchange;
    whole.drop_after.reset();
    Recording answer;
    (void)simulate(whole, request, answer);
    net::LoopbackServer server([text = http_of(answer, exchange)](net::LoopbackPeer& peer) {
      peer.write(text);
      peer.close();
    });
    const std::string url = server.url("/fw/image.bin");
    request.url = url;
    net::CurlTransport transport({.ca_file = {}, .allow_http = true, .proxy = {}});
    return transport.get(request, receiver, cancel_);
  }

  sim::RemoteObject object_;
  Cancel cancel_;
};

/// All but those that need much time, or TLS: the tests of the transport show these.
std::vector<std::uint8_t> quick_faults() {
  std::vector<std::uint8_t> faults;
  for (std::uint8_t i = 0; i < sim::kLinkFaultCount; ++i) {
    const auto fault = static_cast<LinkFault>(i);
    const bool tls = fault == LinkFault::TlsUntrusted || fault == LinkFault::ClockUnset;
    const bool slow =
        fault == LinkFault::NoAnswer || fault == LinkFault::Stall || fault == LinkFault::Crawl;
    if (!tls && !slow) faults.push_back(i);
  }
  return faults;
}

std::string name_of(const testing::TestParamInfo<std::uint8_t>& fault) {
  return std::string(to_text(static_cast<LinkFault>(fault.param)));
}

TEST_P(Likeness, TheSimulatedLinkEndsWhereARealOneDoes) {
  const auto fault = static_cast<LinkFault>(GetParam());
  SplitMix64 random(seed_of_run() + GetParam());
  for (const std::uint32_t stored : {0U, 10'000U}) {
    for (int draw = 0; draw < 3; ++draw) {
      const Exchange exchange = exchange_with(fault, random, kSize);
      SCOPED_TRACE(testing::Message() << "OTA_TEST_SEED=" << seed_of_run() << ", after " << stored
                                      << " bytes: " << describe(exchange));
      Device simulated(stored, object_.etag);
      Device real(stored, object_.etag);
      const fetch::Request request = simulated.rules.request("http://here/fw/image.bin", "sig=s");
      const TransferEnd simulated_end = simulate(exchange, request, simulated);
      const TransferEnd real_end = over_a_socket(exchange, request, real);
      EXPECT_EQ(simulated_end, real_end);
      EXPECT_EQ(simulated.verdict, real.verdict);
      EXPECT_EQ(simulated.stored.size(), real.stored.size());
      EXPECT_EQ(simulated.stored, real.stored);
      EXPECT_EQ(simulated.rules.position(), real.rules.position());
      EXPECT_EQ(simulated.rules.etag(), real.rules.etag());
      EXPECT_EQ(simulated.rules.ending(simulated_end), real.rules.ending(real_end));
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Each, Likeness, testing::ValuesIn(quick_faults()), name_of);

}  // namespace
}  // namespace ota::test
