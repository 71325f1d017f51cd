#include "cloud/hub/core/methods.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cloud/hub/core/test_hub.hpp"

namespace ota::hub {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class MethodsTest : public HubTest {
 protected:
  void SetUp() override {
    HubTest::SetUp();
    ASSERT_EQ(call("PUT", "/devices/d1", R"({"deviceId":"d1"})").status, 200);
  }
  void connect() {
    core_->connected("d1", link_);
    core_->listening("d1");
  }
  HttpResponse ask(const std::string& body) { return call("POST", "/twins/d1/methods", body); }

  /// What the caller has been answered; status 0: nothing yet.
  static HttpResponse answer_of(const HttpResponse& response) {
    if (!response.later) return response;
    const auto given = response.later->take();
    return given ? *given : HttpResponse{.status = 0, .headers = {}, .body = {}};
  }
  void answer(std::size_t request, int status, std::string_view payload,
              const std::string& device = "d1") {
    core_->method_answered(device, {status, link_.methods.at(request).request_id}, payload);
  }
  void pass(int seconds) {
    now_ += seconds;
    core_->tick();
  }

  RecordingLink link_;
};

TEST_F(MethodsTest, BringsACallToTheDeviceAndItsAnswerBack) {
  connect();
  const auto response = ask(R"({"methodName":"reboot","payload":{"in":5}})");
  ASSERT_EQ(link_.methods.size(), 1U);
  EXPECT_EQ(link_.methods[0].method, "reboot");
  EXPECT_EQ(link_.payloads[0], R"({"in":5})");
  EXPECT_EQ(answer_of(response).status, 0);
  answer(0, 207, R"([1,"two",null])");
  const auto given = answer_of(response);
  EXPECT_EQ(given.status, 200);
  EXPECT_EQ(given.body, R"({"status":207,"payload":[1,"two",null]})");
}

TEST_F(MethodsTest, TakesEveryJsonValueAsPayload) {
  connect();
  for (const std::string payload : {"null", "true", "3", "\"text\"", "[]", "{}"}) {
    const auto response = ask(R"({"methodName":"m","payload":)" + payload + "}");
    EXPECT_EQ(link_.payloads.back(), payload);
    answer(link_.methods.size() - 1, 0, payload);
    EXPECT_EQ(json::parse(answer_of(response).body)["payload"], json::parse(payload));
  }
  const auto response = ask(R"({"methodName":"m"})");
  EXPECT_EQ(link_.payloads.back(), "null");
  answer(link_.methods.size() - 1, -1, "");
  EXPECT_EQ(answer_of(response).body, R"({"status":-1,"payload":null})");
}

TEST_F(MethodsTest, SaysThatADeviceIsNotOnline) {
  const auto offline = answer_of(ask(R"({"methodName":"m"})"));
  EXPECT_EQ(offline.status, 404);
  EXPECT_EQ(offline.headers.find("iothub-errorcode"), "DeviceNotOnline");
  // Java's SDK reads the number out of the text, which is JSON itself.
  const json inner = json::parse(json::parse(offline.body)["Message"].get<std::string>());
  EXPECT_EQ(inner["errorCode"], 404103);
  EXPECT_THAT(inner["message"].get<std::string>(), HasSubstr("device d1 is not connected"));
  link_.listens_for_methods = false;
  connect();
  EXPECT_EQ(answer_of(ask(R"({"methodName":"m"})")).status, 404);
}

TEST_F(MethodsTest, WaitsForADeviceThatConnectsInTime) {
  const auto response = ask(R"({"methodName":"m","connectTimeoutInSeconds":20})");
  pass(19);
  EXPECT_EQ(answer_of(response).status, 0);
  connect();
  ASSERT_EQ(link_.methods.size(), 1U);
  pass(29);  // the answer has a time of its own
  answer(0, 200, "1");
  EXPECT_EQ(answer_of(response).status, 200);
}

TEST_F(MethodsTest, GivesUpOnADeviceThatDoesNotConnectInTime) {
  const auto response = ask(R"({"methodName":"m","connectTimeoutInSeconds":20})");
  pass(20);
  EXPECT_EQ(answer_of(response).headers.find("iothub-errorcode"), "DeviceNotOnline");
  connect();
  EXPECT_TRUE(link_.methods.empty());
}

TEST_F(MethodsTest, GivesUpOnADeviceThatDoesNotAnswerAndDropsALateAnswer) {
  connect();
  const auto response = ask(R"({"methodName":"m","responseTimeoutInSeconds":5})");
  pass(4);
  EXPECT_EQ(answer_of(response).status, 0);
  pass(1);
  const auto given = answer_of(response);
  EXPECT_EQ(given.status, 504);
  EXPECT_EQ(given.headers.find("iothub-errorcode"), "GatewayTimeout");
  answer(0, 200, "1");
  EXPECT_EQ(answer_of(response).status, 0);
}

TEST_F(MethodsTest, TakesAnAnswerFromTheAskedDeviceOnly) {
  connect();
  const auto response = ask(R"({"methodName":"m"})");
  answer(0, 200, "1", "d2");
  EXPECT_EQ(answer_of(response).status, 0);
  answer(0, 200, "2");
  EXPECT_EQ(answer_of(response).body, R"({"status":200,"payload":2})");
}

TEST_F(MethodsTest, RefusesAnswersThatAreNotJsonOrTooLarge) {
  connect();
  for (const std::string& payload :
       {std::string("{not json"), "\"" + std::string(kMethodPayloadBytesMax, 'x') + "\""}) {
    const auto response = ask(R"({"methodName":"m"})");
    answer(link_.methods.size() - 1, 200, payload);
    EXPECT_EQ(answer_of(response).status, 502);
  }
}

TEST_F(MethodsTest, RefusesCallsThatBreakTheRules) {
  connect();
  const auto status = [&](const std::string& body) { return answer_of(ask(body)).status; };
  EXPECT_EQ(status("{}"), 400);
  EXPECT_EQ(status(R"({"methodName":"a/b"})"), 400);
  EXPECT_EQ(status(R"({"methodName":"m","responseTimeoutInSeconds":4})"), 400);
  EXPECT_EQ(status(R"({"methodName":"m","responseTimeoutInSeconds":301})"), 400);
  EXPECT_EQ(status(R"({"methodName":"m","connectTimeoutInSeconds":-1})"), 400);
  EXPECT_EQ(status(R"({"methodName":"m","connectTimeoutInSeconds":"1"})"), 400);
  const std::string large(kMethodPayloadBytesMax, 'x');
  EXPECT_EQ(status(R"({"methodName":"m","payload":")" + large + R"("})"), 413);
  EXPECT_EQ(call("POST", "/twins/nobody/methods", R"({"methodName":"m"})").status, 404);
  EXPECT_TRUE(link_.methods.empty());
}

TEST_F(MethodsTest, ForgetsACallWhoseCallerHasGone) {
  { const auto response = ask(R"({"methodName":"m","connectTimeoutInSeconds":20})"); }
  connect();
  EXPECT_TRUE(link_.methods.empty());
}

}  // namespace
}  // namespace ota::hub
