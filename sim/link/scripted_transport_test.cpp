#include "sim/link/scripted_transport.hpp"

#include <gtest/gtest.h>

#include "sim/link/manual_clock.hpp"

namespace ota::sim {
namespace {

struct Recorder final : fetch::Receiver {
  fetch::Verdict on_head(const fetch::ResponseHead& answer) noexcept override {
    head = answer;
    return fetch::Verdict::Continue;
  }
  fetch::Verdict on_body(Bytes bytes) noexcept override {
    body.insert(body.end(), bytes.begin(), bytes.end());
    return fetch::Verdict::Continue;
  }
  fetch::ResponseHead head;
  std::vector<std::byte> body;
};

class ScriptedTransportTest : public ::testing::Test {
 protected:
  ScriptedTransportTest() {
    object_.bytes.resize(40'000);
    for (std::size_t i = 0; i < object_.bytes.size(); ++i) {
      object_.bytes[i] = static_cast<std::byte>(i);
    }
    transport_.serve(object_);
  }
  ManualClock clock_;
  RemoteObject object_;
  ScriptedTransport transport_{clock_};
  Recorder recorder_;
  Cancel cancel_;
};

TEST_F(ScriptedTransportTest, ServesTheRestOfTheObject) {
  const auto end = transport_.get({.first_byte = 39'990}, recorder_, cancel_);
  EXPECT_EQ(end, fetch::TransferEnd::Complete);
  EXPECT_EQ(recorder_.head.status, 206);
  EXPECT_EQ(recorder_.head.content_range->first, 39'990U);
  EXPECT_EQ(recorder_.head.content_range->total, 40'000U);
  EXPECT_EQ(recorder_.body.size(), 10U);
  EXPECT_EQ(recorder_.body.front(), object_.bytes[39'990]);
}

TEST_F(ScriptedTransportTest, DropsAtTheGivenByte) {
  transport_.then({.drop_after = 17'001});
  EXPECT_EQ(transport_.get({}, recorder_, cancel_), fetch::TransferEnd::Unreachable);
  EXPECT_EQ(recorder_.body.size(), 17'001U);
}

TEST_F(ScriptedTransportTest, AnswersAChangedObjectWith412) {
  const auto end = transport_.get({.first_byte = 10, .if_match = "\"other\""}, recorder_, cancel_);
  EXPECT_EQ(end, fetch::TransferEnd::Complete);
  EXPECT_EQ(recorder_.head.status, 412);
}

TEST_F(ScriptedTransportTest, AnswersAWrongTokenWith403) {
  transport_.demand_sas("good");
  (void)transport_.get({.sas = "bad"}, recorder_, cancel_);
  EXPECT_EQ(recorder_.head.status, 403);
}

}  // namespace
}  // namespace ota::sim
