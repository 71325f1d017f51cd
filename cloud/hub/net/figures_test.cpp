#include "cloud/hub/net/figures.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

namespace ota::hub {
namespace {

using ::testing::HasSubstr;

struct Rig {
  mqtt::Counters mqtt;
  HttpCounters http;

  std::string page() {
    Snapshot snapshot{.mqtt = mqtt, .http = http, .core = {}, .process = ProcessFigures::read()};
    snapshot.core.sqlite_s = 0.125;
    snapshot.started = 1'800'000'000;
    snapshot.now = 1'800'000'060;
    return exposition(snapshot);
  }
};

TEST(Figures, FollowTheFormatOfPrometheus) {
  Rig rig;
  rig.http.add({static_cast<std::uint8_t>(Route::Twins), 200, 0, 10});
  const std::string page = rig.page();
  const std::regex help("# HELP ([a-z_]+) .+"), type("# TYPE ([a-z_]+) (counter|gauge)"),
      sample(R"(([a-z_]+)(\{[a-z_]+="[a-z0-9_]+"(,[a-z_]+="[a-z0-9_]+")*\})? [0-9.e+-]+)");
  std::istringstream lines(page);
  std::string line, family;
  std::set<std::string> families;
  while (std::getline(lines, line)) {
    std::smatch found;
    if (std::regex_match(line, found, help)) {
      family = found[1];
      EXPECT_TRUE(families.insert(family).second) << family << " appears twice";
      ASSERT_TRUE(std::getline(lines, line));
      ASSERT_TRUE(std::regex_match(line, found, type)) << line;
      EXPECT_EQ(found[1], family);
      EXPECT_EQ(found[2] == "counter", family.ends_with("_total")) << family;
    } else {
      ASSERT_TRUE(std::regex_match(line, found, sample)) << line;
      EXPECT_EQ(found[1], family);
    }
  }
  EXPECT_GT(families.size(), 15U);
}

TEST(Figures, CountAnswersByRouteAndStatus) {
  Rig rig;
  for (const int status : {200, 200, 404}) {
    rig.http.add({static_cast<std::uint8_t>(Route::Twins), status, 5, 7});
  }
  rig.http.add({static_cast<std::uint8_t>(Route::Blobs), 201, 1000, 0});
  rig.http.add({static_cast<std::uint8_t>(Route::Blobs), 206, 0, 300});
  const std::string page = rig.page();
  EXPECT_THAT(page, HasSubstr("requests_total{route=\"twins\",status=\"200\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("requests_total{route=\"twins\",status=\"404\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("blob_bytes_total{direction=\"in\"} 1000\n"));
  EXPECT_THAT(page, HasSubstr("blob_bytes_total{direction=\"out\"} 300\n"));
}

TEST(Figures, TellOfMqttAndTheProcess) {
  Rig rig;
  rig.mqtt.hub.logins = 3;
  rig.mqtt.hub.refusals[5] = 2;
  rig.mqtt.dps.connected = 1;
  const std::string page = rig.page();
  EXPECT_THAT(page, HasSubstr("mqtt_logins_total{service=\"iothub\"} 3\n"));
  EXPECT_THAT(page, HasSubstr("refusals_total{service=\"iothub\",reason=\"not_authorized\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("mqtt_sessions{service=\"dps\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("mcu_ota_hub_uptime_seconds 60\n"));
  EXPECT_THAT(page, HasSubstr("mcu_ota_hub_sqlite_seconds_total 0.125\n"));
  EXPECT_THAT(page, ::testing::Not(HasSubstr("process_resident_memory_bytes 0\n")));
  EXPECT_THAT(page, ::testing::Not(HasSubstr("process_open_fds 0\n")));
}

}  // namespace
}  // namespace ota::hub
