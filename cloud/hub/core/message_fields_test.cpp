#include "cloud/hub/core/message_fields.hpp"

#include <gtest/gtest.h>

namespace ota::hub {
namespace {

HttpHeaders headers_of(const std::vector<std::pair<std::string, std::string>>& fields) {
  HttpHeaders headers;
  for (const auto& [name, value] : fields) headers.add(name, value);
  return headers;
}

TEST(MessageFields, ReadsSystemAndApplicationPropertiesOfABag) {
  const auto fields =
      read_message_fields("%24.ct=application%2Fjson&$.mid=1&color=dark%20red+1&empty=&alone");
  ASSERT_EQ(fields.size(), 5U);
  EXPECT_EQ(fields[0].name, "$.ct");
  EXPECT_EQ(fields[0].value, "application/json");
  EXPECT_EQ(fields[0].system_name, "contentType");
  EXPECT_EQ(fields[1].system_name, "messageId");
  EXPECT_EQ(fields[2].value, "dark red+1");
  EXPECT_EQ(fields[2].system_name, "");
  EXPECT_EQ(fields[3].value, "");
  EXPECT_EQ(fields[4].name, "alone");
  EXPECT_EQ(read_message_fields("%24.cdid=d1").front().system_name, "connectionDeviceId");
}

TEST(MessageFields, MakesABagOfHeaderFields) {
  const auto bag = bag_of_headers(headers_of({{"Host", "h"},
                                              {"IoTHub-MessageId", "m/1"},
                                              {"iothub-to", "/devices/x"},
                                              {"iothub-app-Color", "dark red&b=c"},
                                              {"iothub-ack", "full"},
                                              {"iothub-unknown", "1"}}));
  ASSERT_TRUE(bag);
  EXPECT_EQ(bag.value(), "%24.mid=m%2F1&Color=dark%20red%26b%3Dc&iothub-ack=full");
}

TEST(MessageFields, MakesHeaderFieldsOfABag) {
  HttpHeaders headers;
  add_headers_of_bag("%24.mid=m%2F1&Color=red&iothub-ack=full&b%20ad=1", headers);
  EXPECT_EQ(headers.find("iothub-messageid"), "m/1");
  EXPECT_EQ(headers.find("iothub-app-Color"), "red");
  EXPECT_EQ(headers.find("iothub-ack"), "full");
  EXPECT_EQ(headers.all().size(), 3U);  // a name with a space is none of a header field
}

TEST(MessageFields, RefusesPropertiesWithoutNameOrTooLarge) {
  EXPECT_FALSE(bag_of_headers(headers_of({{"iothub-app-", "1"}})));
  const std::string large(kMessagePropertiesBytesMax, 'x');
  const auto bag = bag_of_headers(headers_of({{"iothub-app-a", large}}));
  ASSERT_FALSE(bag);
  EXPECT_EQ(bag.error().code, code::kMessageTooLarge);
}

}  // namespace
}  // namespace ota::hub
