#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "device/host/agent/metered_transport.hpp"
#include "device/host/agent/telemetry.hpp"

namespace ota::agent {
namespace {

using fetch::Verdict;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

/// Answers each GET with the rest of an image of 1000 bytes, 100 at a time.
class TenPieces final : public fetch::Transport {
 public:
  fetch::TransferEnd get(const fetch::Request& request, fetch::Receiver& receiver,
                         const Cancel&) noexcept override {
    fetch::ResponseHead head;
    head.status = 206;
    head.content_range = fetch::ContentRange{request.first_byte, 999, 1000};
    if (receiver.on_head(head) == Verdict::Stop) return fetch::TransferEnd::Stopped;
    const std::vector<std::byte> piece(100);
    for (std::uint32_t at = request.first_byte; at < 1000; at += 100) {
      if (receiver.on_body(piece) == Verdict::Stop) return fetch::TransferEnd::Stopped;
    }
    return fetch::TransferEnd::Complete;
  }
};

class TakesAll final : public fetch::Receiver {
 public:
  Verdict on_head(const fetch::ResponseHead&) noexcept override { return Verdict::Continue; }
  Verdict on_body(Bytes) noexcept override { return Verdict::Continue; }
};

class MeteringTest : public ::testing::Test {
 protected:
  ~MeteringTest() override {
    std::remove(meter_file_.c_str());
    std::remove(event_file_.c_str());
  }

  std::vector<std::string> lines() const {
    std::ifstream stream(event_file_);
    std::vector<std::string> out;
    for (std::string line; std::getline(stream, line);) out.push_back(line);
    return out;
  }

  std::string base_ = ::testing::TempDir() + "metering_" + std::to_string(::getpid());
  std::string meter_file_ = base_ + ".fetched";
  std::string event_file_ = base_ + ".events";
};

TEST_F(MeteringTest, CountsAcrossRestartsUntilTheOfferChanges) {
  const contract::Identity offer{7, sha256({}), 0};
  {
    FetchMeter meter(meter_file_);
    meter.begin(offer);
    meter.add(100);
  }
  FetchMeter again(meter_file_);
  again.begin(offer);
  again.add(50);
  EXPECT_EQ(again.bytes(), 150U);
  again.begin({7, sha256({}), 1});
  EXPECT_EQ(again.bytes(), 0U);
}

TEST_F(MeteringTest, WritesProgressAsWholeLines) {
  const auto events = EventLog::open(event_file_);
  ASSERT_TRUE(events);
  FetchMeter meter(meter_file_);
  TenPieces inner;
  MeteredTransport transport(inner, meter, **events, 250);
  TakesAll receiver;
  const Cancel cancel;
  EXPECT_EQ(transport.get({.url = "u", .sas = "sig=SECRET", .first_byte = 200}, receiver, cancel),
            fetch::TransferEnd::Complete);
  EXPECT_EQ(meter.bytes(), 800U);
  const auto written = lines();
  ASSERT_THAT(written, SizeIs(5));
  EXPECT_EQ(written[0], R"({"event":"request","firstByte":200})");
  EXPECT_EQ(written[1],
            R"({"event":"progress","bytes":300,"size":1000,"percent":30,"fetched":100})");
  EXPECT_EQ(written[4],
            R"({"event":"progress","bytes":1000,"size":1000,"percent":100,"fetched":800})");
  for (const std::string& line : written) EXPECT_THAT(line, Not(HasSubstr("SECRET")));
}

TEST_F(MeteringTest, AnEventFileThatCannotBeWrittenIsAnError) {
  EXPECT_FALSE(EventLog::open("/nonexistent/events"));
}

TEST(Telemetry, LeavesOutWhatIsNotKnown) {
  TelemetryValues values;
  values.mcu_version = 3;
  EXPECT_THAT(encode_telemetry(values), Not(HasSubstr("temperature")));
  EXPECT_THAT(encode_telemetry(values), Not(HasSubstr("flashErasesMax")));
  values.temperature_celsius = 41.5;
  values.flash_erases_max = 12;
  EXPECT_THAT(encode_telemetry(values),
              HasSubstr(R"("temperature":41.5,"flashErasesMax":12,"mcuVersion":3)"));
  EXPECT_EQ(read_temperature("/nonexistent"), std::nullopt);
}

}  // namespace
}  // namespace ota::agent
