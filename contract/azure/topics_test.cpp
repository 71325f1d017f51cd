#include "contract/azure/topics.hpp"

#include <gtest/gtest.h>

namespace ota::contract {
namespace {

TEST(Topics, WritesWhatTheServicesExpect) {
  EXPECT_EQ(twin_get_topic("10"), "$iothub/twin/GET/?$rid=10");
  EXPECT_EQ(reported_patch_topic("a-b"), "$iothub/twin/PATCH/properties/reported/?$rid=a-b");
  EXPECT_EQ(twin_response_topic({204, "11", 2}), "$iothub/twin/res/204/?$rid=11&$version=2");
  EXPECT_EQ(desired_patch_topic(3), "$iothub/twin/PATCH/properties/desired/?$version=3");
  EXPECT_EQ(dps_response_topic({202, "1", 3}), "$dps/registrations/res/202/?$rid=1&retry-after=3");
  EXPECT_EQ(dps_status_topic("2", "4.a.b"),
            "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=4.a.b");
  EXPECT_EQ(dps_user_name("0ne1", "dev-001", "ota-agent/1.0"),
            "0ne1/registrations/dev-001/api-version=2019-03-31&ClientVersion=ota-agent%2F1.0");
  EXPECT_EQ(hub_user_name("h.local", "d", "ota-agent/1.0"),
            "h.local/d/?api-version=2021-04-12&DeviceClientType=ota-agent%2F1.0");
}

TEST(Topics, ReadsBackWhatItWrites) {
  EXPECT_EQ(parse_twin_response("$iothub/twin/res/204/?$rid=11&$version=2")->version, 2U);
  EXPECT_EQ(parse_twin_response("$iothub/twin/res/200/?$rid=x")->request_id, "x");
  EXPECT_EQ(parse_desired_patch("$iothub/twin/PATCH/properties/desired/?$version=9")->version, 9U);
  EXPECT_EQ(parse_dps_response("$dps/registrations/res/202/?$rid=1&retry-after=3")->retry_after_s,
            3U);
  EXPECT_EQ(parse_method_request(method_request_topic({"re boot/x", "1f"}))->method, "re boot/x");
}

TEST(Topics, TellsWhatADeviceWants) {
  EXPECT_EQ(std::get<TwinGetRequest>(*parse_device_message("$iothub/twin/GET/?$rid=5")).request_id,
            "5");
  EXPECT_EQ(std::get<ReportedPatchRequest>(
                *parse_device_message("$iothub/twin/PATCH/properties/reported/?$rid=6&$version=4"))
                .version,
            4U);
  EXPECT_EQ(
      std::get<MethodResponse>(*parse_device_message("$iothub/methods/res/-1/?$rid=7")).status, -1);
  const auto message = std::get<TelemetryMessage>(
      *parse_device_message("devices/d1/messages/events/%24.ct=application%2Fjson&a=b/"));
  EXPECT_EQ(message.device_id, "d1");
  EXPECT_EQ(message.properties, "%24.ct=application%2Fjson&a=b");
  EXPECT_EQ(
      std::get<TelemetryMessage>(*parse_device_message("devices/d/modules/m/messages/events/"))
          .module_id,
      "m");
  EXPECT_EQ(
      std::get<TelemetryMessage>(*parse_device_message("devices/d1/messages/events")).device_id,
      "d1");
}

TEST(Topics, KnowsNoOtherTopic) {
  for (const char* topic :
       {"", "a", "$iothub/twin/PUT/?$rid=1", "$iothub/twin/GET/extra?$rid=1", "$iothub/twin/GET/?",
        "$iothub/twin/get/?$rid=1", "devices//messages/events/", "devices/d/messages/other/",
        "devices/d/messages/events/a/b", "$SYS/x"}) {
    EXPECT_FALSE(parse_device_message(topic).has_value()) << topic;
  }
}

TEST(Topics, TakesUserNamesApart) {
  const auto hub =
      parse_hub_user_name("localhost:18883/dev 1/?api-version=2020-09-30&model-id=dtmi%3Aa%3B1");
  ASSERT_TRUE(hub.has_value());
  EXPECT_EQ(hub->host, "localhost:18883");
  EXPECT_EQ(hub->device_id, "dev 1");
  EXPECT_EQ(hub->model_id, "dtmi:a;1");
  EXPECT_EQ(parse_hub_user_name("h/d/m/?api-version=2021-04-12")->module_id, "m");
  // The C SDK until 2018, and firmware that follows the documentation of that time.
  for (const char* bag : {"api-version=2016-11-14", "api-version=2016-11-14&DeviceClientType=c%2F1",
                          "DeviceClientType=c%2F1&api-version=2016-11-14"}) {
    const auto older = parse_hub_user_name("h/d/" + std::string(bag));
    ASSERT_TRUE(older.has_value()) << bag;
    EXPECT_EQ(older->device_id, "d");
    EXPECT_EQ(older->module_id, "");
    EXPECT_EQ(parse_hub_user_name("h/d/m/" + std::string(bag))->module_id, "m");
  }
  // A device's own name may look like one.
  EXPECT_EQ(parse_hub_user_name("h/a=1/?api-version=2021-04-12")->device_id, "a=1");
  const auto dps =
      parse_dps_user_name("0ne1/registrations/dev-001/api-version=2019-03-31&ClientVersion=x");
  ASSERT_TRUE(dps.has_value());
  EXPECT_EQ(dps->id_scope, "0ne1");
  EXPECT_EQ(dps->registration_id, "dev-001");
  for (const char* name : {"", "h", "h/", "/d", "h/d/m/x/?api-version=1"})
    EXPECT_FALSE(parse_hub_user_name(name).has_value()) << name;
  EXPECT_FALSE(parse_dps_user_name("h/d/?api-version=2021-04-12").has_value());
}

}  // namespace
}  // namespace ota::contract
