#include "cli/text_of.hpp"

#include <gtest/gtest.h>

#include "cli/output.hpp"

namespace ota::cli {
namespace {

TEST(SizeText, ReadsWell) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(1024), "1.0 KiB");
  EXPECT_EQ(size_text(4 * 1024 * 1024), "4.0 MiB");
  EXPECT_EQ(size_text(1536 * 1024), "1.5 MiB");
  EXPECT_EQ(size_text(5ULL << 40U), "5120.0 GiB");
}

TEST(GroupedText, HasItsThousandsApart) {
  EXPECT_EQ(grouped_text(0), "0");
  EXPECT_EQ(grouped_text(999), "999");
  EXPECT_EQ(grouped_text(1000), "1,000");
  EXPECT_EQ(grouped_text(12'345'678), "12,345,678");
}

TEST(AgeText, GrowsItsUnit) {
  const contract::UnixSeconds now = 1'893'456'000;  // 2030-01-01T00:00:00Z
  EXPECT_EQ(age_text("2029-12-31T23:59:15Z", now), "45 s");
  EXPECT_EQ(age_text("2029-12-31T23:57:00Z", now), "3 min");
  EXPECT_EQ(age_text("2029-12-31T19:00:00Z", now), "5 h");
  EXPECT_EQ(age_text("2029-12-20T00:00:00Z", now), "12 d");
}

TEST(AgeText, NeverAndUnknownAreADashAndTheFutureIsNow) {
  const contract::UnixSeconds now = 1'893'456'000;
  EXPECT_EQ(age_text("", now), "-");
  EXPECT_EQ(age_text("yesterday", now), "-");
  EXPECT_EQ(age_text("0001-01-01T00:00:00Z", now), "-");
  EXPECT_EQ(age_text("2030-01-01T00:01:00Z", now), "0 s");
}

TEST(Table, ColumnsAreAsWideAsTheirLongestText) {
  Table table({"A", "B"});
  table.add({"long", "x"});
  table.add({"ü", "y"});
  EXPECT_EQ(table.text(), "A     B\nlong  x\nü     y\n");
}

TEST(Printable, ADeviceCannotSteerTheTerminal) {
  EXPECT_EQ(printable("a\x1B[31mb\nc\x7F"), "a [31mb c ");
  EXPECT_EQ(printable("Prüfstand"), "Prüfstand");
}

TEST(DurationText, ShowsTheTwoLargestUnits) {
  EXPECT_EQ(duration_text(0), "0 s");
  EXPECT_EQ(duration_text(0.2), "1 s");
  EXPECT_EQ(duration_text(90), "1 min 30 s");
  EXPECT_EQ(duration_text(1800), "30 min");
  EXPECT_EQ(duration_text(7500), "2 h 5 min");
  EXPECT_EQ(duration_text(14 * 86'400 + 300), "14 d");
}

TEST(ReadDuration, TakesOneNumberWithOneUnit) {
  EXPECT_EQ(read_duration("90s"), 90);
  EXPECT_EQ(read_duration("30m"), 1800);
  EXPECT_EQ(read_duration("2h"), 7200);
  EXPECT_EQ(read_duration("1d"), 86'400);
  EXPECT_EQ(read_duration("45"), 45);
  for (const char* text :
       {"", "s", "m5", "1.5h", "-1s", "+1", "5 m", "5min", "4000000000d", "367d"}) {
    EXPECT_EQ(read_duration(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace ota::cli
