#include "device/host/net/http_fields.hpp"

#include <gtest/gtest.h>

namespace ota::net {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TEST(HttpFields, ReadsAContentRange) {
  const auto range = parse_content_range("bytes 65536-99999/100000");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 65536U);
  EXPECT_EQ(range->last, 99999U);
  EXPECT_EQ(range->total, 100000U);
  EXPECT_TRUE(parse_content_range("Bytes 0-0/1"));
}

TEST(HttpFields, RefusesAContentRangeThatCannotBeTrusted) {
  for (const char* value :
       {"", "bytes", "bytes */100", "bytes 0-9/*", "bytes 9-0/10", "bytes 0-10/10", "bytes 0-9/10 ",
        "bytes  0-9/10", "bytes -0-9/10", "bytes 0--9/10", "bytes +0-9/10", "items 0-9/10",
        "bytes 0/10-9", "bytes 0-9", "bytes 0-18446744073709551616/18446744073709551617",
        "bytes 0x0-9/10"}) {
    EXPECT_FALSE(parse_content_range(value)) << value;
  }
}

TEST(HttpFields, ReadsRetryAfterInBothForms) {
  EXPECT_EQ(parse_retry_after("120", 0), Duration(seconds(120)));
  EXPECT_EQ(parse_retry_after("0", 0), Duration(0));
  // 1994-11-06T08:49:37Z is 784111777.
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 - 30),
            Duration(seconds(30)));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 + 30), Duration(0));
}

TEST(HttpFields, BoundsRetryAfter) {
  EXPECT_EQ(parse_retry_after("99999999999999999999999", 0), Duration(hours(24)));
  EXPECT_EQ(parse_retry_after("9999999", 0), Duration(hours(24)));
  for (const char* value : {"", "-1", "soon", "1.5x"})
    EXPECT_FALSE(parse_retry_after(value, 0)) << value;
}

TEST(HttpFields, TakesHeaderLinesApart) {
  const auto field = parse_header_line("ETag:  \"0x8D1\" \r\n");
  ASSERT_TRUE(field);
  EXPECT_TRUE(names_equal(field->name, "etag"));
  EXPECT_EQ(field->value, "\"0x8D1\"");
  EXPECT_FALSE(parse_header_line("\r\n"));
  EXPECT_FALSE(parse_header_line(": x"));
  EXPECT_FALSE(parse_header_line("ETag : x"));
  EXPECT_EQ(parse_header_line("Empty:")->value, "");
}

TEST(HttpFields, ReadsStatusLines) {
  EXPECT_EQ(parse_status_line("HTTP/1.1 206 Partial Content\r\n"), 206);
  EXPECT_EQ(parse_status_line("HTTP/2 503"), 503);
  for (const char* line :
       {"", "HTTP/1.1", "HTTP/1.1 20", "HTTP/1.1 2x6 OK", "HTTP/1.1 2060", "X 206"}) {
    EXPECT_EQ(parse_status_line(line), std::nullopt) << line;
  }
}

TEST(HttpFields, ReadsContentLength) {
  EXPECT_EQ(parse_content_length("4194304"), 4194304U);
  for (const char* value : {"", "-1", "1 ", "18446744073709551616"}) {
    EXPECT_FALSE(parse_content_length(value)) << value;
  }
}

}  // namespace
}  // namespace ota::net
