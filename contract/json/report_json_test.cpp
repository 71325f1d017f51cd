#include "contract/json/report_json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ota::contract {
namespace {

TEST(Report, SpeaksTheSamplesWords) {
  Report report;
  report.status = StatusWord::Error;
  report.code = Code::RolledBack;
  report.version = 2;
  report.target = 3;
  report.detail = "The MCU did not report version 3 in time; version 2 runs again.";
  const auto patch = nlohmann::json::parse(encode_report_patch(report, "2030-01-01T00:00:00Z"));
  const auto& value = patch.at("extFwInfo");
  EXPECT_EQ(value.at("Status"), "error");
  EXPECT_EQ(value.at("Error"), "MCU Download fail");
  EXPECT_EQ(value.at("Version"), 2);
  EXPECT_EQ(value.at("Code"), "rolled_back");
  EXPECT_EQ(value.at("Since"), "2030-01-01T00:00:00Z");
  const ReportView view = parse_report(value.dump());
  EXPECT_EQ(view.code, "rolled_back");
  EXPECT_EQ(view.target, 3U);
}

TEST(Report, ReadsForeignReportsTolerantly) {
  const ReportView view =
      parse_report(R"({"Status":"applied","Version":"2","Progress":-1,"Code":7})");
  EXPECT_EQ(view.status, "applied");
  EXPECT_FALSE(view.version.has_value());
  EXPECT_FALSE(view.progress_percent.has_value());
  EXPECT_TRUE(view.code.empty());
  EXPECT_TRUE(parse_report("nonsense").status.empty());
}

}  // namespace
}  // namespace ota::contract
