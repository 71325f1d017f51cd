#include "cloud/doctor/network_checks.hpp"

#include <gmock/gmock.h>

#include "tests/http/scripted_server.hpp"

namespace ota::doctor {
namespace {

using ::testing::HasSubstr;

constexpr contract::UnixSeconds kNow = 1'893'456'000;  // 2030-01-01T00:00:00Z

class ClockCheck : public ::testing::Test {
 protected:
  Finding with(const std::string& date) {
    test::ScriptedServer server([&date](const test::Request&) {
      test::Response response{.status = 401};
      if (!date.empty()) response.headers = {{"Date", date}};
      return response;
    });
    Findings findings;
    check_clock(findings, {server.url() + "/x"}, {}, [] { return kNow; });
    EXPECT_EQ(findings.all().size(), 1U);
    EXPECT_EQ(server.requests().at(0).header("Authorization"), "");
    return findings.all().at(0);
  }
};

TEST_F(ClockCheck, TheSameTimeIsFine) {
  EXPECT_EQ(with("Tue, 01 Jan 2030 00:00:00 GMT").verdict, Verdict::Ok);
  EXPECT_EQ(with("Tue, 01 Jan 2030 00:00:59 GMT").verdict, Verdict::Ok);
}

TEST_F(ClockCheck, AFewMinutesAreAWarning) {
  const Finding finding = with("Tue, 01 Jan 2030 00:04:00 GMT");
  EXPECT_EQ(finding.verdict, Verdict::Warning);
  EXPECT_THAT(finding.detail, HasSubstr("4 min behind"));
}

TEST_F(ClockCheck, MoreFailsAndNamesTheUsualConsequence) {
  const Finding finding = with("Mon, 31 Dec 2029 23:30:00 GMT");
  EXPECT_EQ(finding.verdict, Verdict::Failed);
  EXPECT_THAT(finding.detail, HasSubstr("30 min ahead"));
  EXPECT_THAT(finding.detail, HasSubstr("401"));
}

TEST_F(ClockCheck, WithoutATimeItIsSkipped) {
  EXPECT_EQ(with("").verdict, Verdict::Skipped);
  EXPECT_EQ(with("sometime soon").verdict, Verdict::Skipped);
}

TEST(ClockCheckOfSeveral, AsksTheNextWhereOneDoesNotAnswer) {
  test::ScriptedServer server([](const test::Request&) {
    return test::Response{.headers = {{"Date", "Tue, 01 Jan 2030 00:00:00 GMT"}}};
  });
  Findings findings;
  check_clock(findings, {"http://127.0.0.1:1/", server.url() + "/"}, {}, [] { return kNow; });
  EXPECT_EQ(findings.all().at(0).verdict, Verdict::Ok);
}

TEST(EndpointCheck, WithoutTlsOnlyTheAddressIsChecked) {
  test::ScriptedServer server([](const test::Request&) { return test::Response{}; });
  Findings findings;
  EXPECT_TRUE(check_endpoint(findings, "storage", server.url(), {}, kNow));
  ASSERT_EQ(findings.all().size(), 1U);
  EXPECT_EQ(findings.all()[0].check, "storage.address");
}

TEST(EndpointCheck, NothingThereFailsAndTlsIsSkipped) {
  Findings findings;
  EXPECT_FALSE(check_endpoint(findings, "hub", "https://127.0.0.1:1", {}, kNow));
  ASSERT_EQ(findings.all().size(), 2U);
  EXPECT_EQ(findings.all()[0].verdict, Verdict::Failed);
  EXPECT_THAT(findings.all()[0].detail, HasSubstr("cannot reach https://127.0.0.1:1"));
  EXPECT_EQ(findings.all()[1].verdict, Verdict::Skipped);
}

}  // namespace
}  // namespace ota::doctor
