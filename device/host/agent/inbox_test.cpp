#include "device/host/agent/inbox.hpp"

#include <gmock/gmock.h>

#include <thread>

namespace ota::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

net::Wish wish(const char* text) { return {std::string(text)}; }

TEST(UpdateInbox, TheNewestWishWins) {
  UpdateInbox inbox;
  inbox.put_wish(wish("1"));
  inbox.put_wish(wish("2"));
  EXPECT_EQ(inbox.take(Duration(0)).wish, wish("2"));
  EXPECT_EQ(inbox.take(Duration(0)).wish, std::nullopt);
}

TEST(UpdateInbox, ANewWishInterruptsTheSameOneDoesNot) {
  UpdateInbox inbox;
  inbox.put_wish(wish("1"));
  EXPECT_TRUE(inbox.cancel().requested());
  (void)inbox.take(Duration(0));
  EXPECT_FALSE(inbox.cancel().requested());
  inbox.put_wish(wish("1"));
  EXPECT_FALSE(inbox.cancel().requested());
  EXPECT_EQ(inbox.take(Duration(0)).wish, wish("1"));
  inbox.put_wish({});
  EXPECT_TRUE(inbox.cancel().requested());
}

TEST(UpdateInbox, AcknowledgementsAddUpAndInterruptNothing) {
  UpdateInbox inbox;
  inbox.put_acknowledged({1});
  inbox.put_acknowledged({2, 3});
  EXPECT_FALSE(inbox.cancel().requested());
  EXPECT_THAT(inbox.take({}).acknowledged, ElementsAre(1U, 2U, 3U));
}

TEST(UpdateInbox, TheEndStaysTheEnd) {
  UpdateInbox inbox;
  inbox.put_stop();
  EXPECT_TRUE(inbox.take({}).stop);
  EXPECT_TRUE(inbox.take({}).stop);
  EXPECT_TRUE(inbox.cancel().requested());
}

TEST(UpdateInbox, WakesTheOtherThread) {
  UpdateInbox inbox;
  std::thread sender([&inbox] {
    for (int i = 0; i < 1000; ++i) inbox.put_wish(wish(std::to_string(i).c_str()));
    inbox.put_stop();
  });
  std::optional<net::Wish> last;
  for (;;) {
    const auto mail = inbox.take({});
    if (mail.wish) last = mail.wish;
    if (mail.stop) break;
  }
  sender.join();
  EXPECT_EQ(last, wish("999"));
}

TEST(CloudInbox, KeepsTheNewestOutcomeAndWhatCameAfterIt) {
  CloudInbox inbox;
  inbox.put_report({"25", 0});
  inbox.put_report({"50", 0});
  inbox.put_report({"done", 1});
  inbox.put_report({"25", 0});
  inbox.put_report({"failed", 2});
  inbox.put_report({"25", 0});
  inbox.put_report({"50", 0});
  const auto reports = inbox.take_reports();
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].patch, "failed");
  EXPECT_EQ(reports[1].patch, "50");
}

TEST(CloudInbox, ARepeatedOutcomeIsKeptOnce) {
  CloudInbox inbox;
  inbox.put_report({"first", 1});
  inbox.put_report({"again", 1});
  const auto reports = inbox.take_reports();
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].patch, "again");
}

TEST(CloudInbox, TheLastOutcomeOfAnotherThreadArrivesAndNoneTwice) {
  constexpr std::uint32_t kOutcomes = 1000;
  CloudInbox inbox;
  std::thread sender([&inbox] {
    for (std::uint32_t i = 1; i <= kOutcomes; ++i) {
      inbox.put_report({"progress", 0});
      inbox.put_report({"outcome", i});
    }
    inbox.put_stop();
  });
  std::uint32_t last = 0;
  const auto read = [&] {
    for (const auto& report : inbox.take_reports()) {
      if (report.outcome_number == 0) continue;
      EXPECT_GT(report.outcome_number, last);
      last = report.outcome_number;
    }
  };
  while (!inbox.wait_for_stop(Duration(10))) read();
  sender.join();
  read();
  EXPECT_EQ(last, kOutcomes);
}

}  // namespace
}  // namespace ota::agent
