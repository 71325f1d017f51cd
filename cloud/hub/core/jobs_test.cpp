// Scheduled jobs, seen through the service REST.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cloud/hub/core/test_hub.hpp"

namespace ota::hub {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class JobsTest : public HubTest {
 protected:
  void create_device(const std::string& id, const json& tags = json::object()) {
    const json items = {{{"id", id}, {"tags", tags}}};
    ASSERT_EQ(call("POST", "/devices", items.dump()).status, 200);
  }
  static json update(const std::string& condition) {
    return {
        {"type", "scheduleUpdateTwin"},
        {"queryCondition", condition},
        {"updateTwin",
         {{"etag", "*"}, {"tags", {{"done", true}}}, {"properties", {{"desired", {{"v", 2}}}}}}},
        {"startTime", nullptr},
        {"maxExecutionTimeInSeconds", 60}};
  }
  HttpResponse put(const std::string& id, const json& body) {
    return call("PUT", "/jobs/v2/" + id, body.dump());
  }
  json job(const std::string& id) { return json::parse(call("GET", "/jobs/v2/" + id).body); }
  json twin(const std::string& id) { return json::parse(call("GET", "/twins/" + id).body); }
  json device_jobs(const std::string& where) {
    const json query = {{"query", "SELECT * FROM devices.jobs WHERE " + where}};
    const auto answer = call("POST", "/devices/query", query.dump());
    EXPECT_EQ(answer.headers.find("x-ms-item-type"), "DeviceJob") << answer.body;
    return json::parse(answer.body);
  }
};

TEST_F(JobsTest, UpdatesTheTwinsOfAQuery) {
  create_device("a", {{"ring", "x"}});
  create_device("b", {{"ring", "y"}});
  RecordingLink link;
  core_->connected("a", link);
  const auto answer = put("j", update("tags.ring='x'"));
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(json::parse(answer.body)["status"], "queued");
  core_->tick();
  const json done = job("j");
  EXPECT_EQ(done["status"], "completed") << done;
  EXPECT_EQ(done["deviceJobStatistics"], json({{"deviceCount", 1},
                                               {"failedCount", 0},
                                               {"succeededCount", 1},
                                               {"runningCount", 0},
                                               {"pendingCount", 0}}));
  EXPECT_TRUE(done.contains("endTime"));
  EXPECT_EQ(twin("a")["tags"], json({{"ring", "x"}, {"done", true}}));
  EXPECT_EQ(twin("b")["tags"], json({{"ring", "y"}}));
  EXPECT_THAT(link.patches, ::testing::SizeIs(1));
}

class MethodJobsTest : public JobsTest {
 protected:
  void SetUp() override {
    JobsTest::SetUp();
    for (const char* id : {"a", "b", "offline"}) create_device(id);
    core_->connected("a", a_);
    core_->connected("b", b_);
    const json body = {
        {"type", "scheduleDeviceMethod"},
        {"queryCondition", "*"},
        {"cloudToDeviceMethod",
         {{"methodName", "reboot"}, {"payload", {{"in", 5}}}, {"responseTimeoutInSeconds", 10}}},
        {"maxExecutionTimeInSeconds", 60}};
    const auto answer = put("j", body);
    ASSERT_EQ(answer.status, 200) << answer.body;
    core_->tick();
  }
  void answer(const std::string& device, const RecordingLink& link, int status) {
    ASSERT_FALSE(link.methods.empty());
    core_->method_answered(device, {.status = status, .request_id = link.methods[0].request_id},
                           R"({"ok":true})");
  }
  RecordingLink a_;
  RecordingLink b_;
};

TEST_F(MethodJobsTest, CallsAMethodOnAllDevicesAtOnceAndKeepsTheirAnswers) {
  EXPECT_EQ(a_.methods[0].method, "reboot");
  EXPECT_EQ(a_.payloads[0], R"({"in":5})");
  EXPECT_EQ(job("j")["status"], "running");
  EXPECT_EQ(job("j")["deviceJobStatistics"]["runningCount"], 2);
  answer("a", a_, 200);
  answer("b", b_, 500);
  core_->tick();
  EXPECT_EQ(job("j")["status"], "completed");
  EXPECT_EQ(job("j")["deviceJobStatistics"]["succeededCount"], 2);
  EXPECT_EQ(job("j")["deviceJobStatistics"]["failedCount"], 1);
  EXPECT_EQ(device_jobs("jobId = 'j' AND deviceId = 'b'")[0]["outcome"],
            json::parse(R"({"deviceMethodResponse":{"status":500,"payload":{"ok":true}}})"));
  EXPECT_EQ(device_jobs("jobId = 'j' AND deviceId = 'offline'")[0]["error"]["code"],
            "DeviceNotOnline");
}

TEST_F(MethodJobsTest, FailsWhereADeviceDoesNotAnswerInTime) {
  answer("a", a_, 200);
  now_ += 10;
  core_->tick();
  core_->tick();
  EXPECT_EQ(job("j")["status"], "completed");
  EXPECT_EQ(device_jobs("jobId = 'j' AND deviceId = 'b'")[0]["error"]["code"], "GatewayTimeout");
}

TEST_F(MethodJobsTest, DoesNotRepeatACallAfterARestart) {
  answer("a", a_, 200);
  core_->disconnected("a", a_);
  core_->disconnected("b", b_);
  open();
  core_->connected("b", b_);
  core_->tick();
  EXPECT_EQ(b_.methods.size(), 1U);
  EXPECT_EQ(job("j")["status"], "completed");
  EXPECT_THAT(
      device_jobs("jobId = 'j' AND deviceId = 'b'")[0]["error"]["description"].get<std::string>(),
      HasSubstr("the hub stopped"));
}

TEST_F(JobsTest, WaitsForItsStartTime) {
  create_device("a");
  json body = update("*");
  body["startTime"] = contract::to_iso8601(now_ + 100);
  EXPECT_EQ(json::parse(put("j", body).body)["status"], "scheduled");
  core_->tick();
  EXPECT_EQ(job("j")["status"], "scheduled");
  create_device("b");
  now_ += 100;
  core_->tick();
  EXPECT_EQ(job("j")["deviceJobStatistics"]["succeededCount"], 2);
}

TEST_F(JobsTest, TellsWhatFailedDeviceByDevice) {
  create_device("good");
  create_device("full");
  const json big = {{"tags", {{"x", std::string(4000, 'x')}, {"y", std::string(4000, 'x')}}}};
  ASSERT_EQ(call("PATCH", "/twins/full", big.dump()).status, 200);
  json body = update("deviceId IN ['good', 'full']");
  body["updateTwin"]["tags"] = {{"z", std::string(500, 'z')}};
  put("j", body);
  core_->tick();
  EXPECT_EQ(job("j")["status"], "completed");
  EXPECT_EQ(job("j")["deviceJobStatistics"]["failedCount"], 1);
  const json failed = device_jobs("devices.jobs.jobId = 'j' AND devices.jobs.status = 'failed'");
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0]["deviceId"], "full");
  EXPECT_EQ(failed[0]["jobType"], "scheduleUpdateTwin");
  EXPECT_EQ(failed[0]["error"]["code"], "ArgumentInvalid");
  EXPECT_EQ(device_jobs("jobId = 'j' AND status = 'completed'")[0]["deviceId"], "good");
}

TEST_F(JobsTest, GoesOnAfterARestartOfTheHub) {
  tier_ = Tier::S1;  // Ten devices a second.
  open();
  for (int i = 0; i < 25; ++i) create_device("d" + std::to_string(i));
  put("j", update("*"));
  now_ += 1;
  core_->tick();
  EXPECT_EQ(job("j")["deviceJobStatistics"]["succeededCount"], 10);
  EXPECT_EQ(job("j")["status"], "running");
  open();
  for (int i = 0; i < 2; ++i) {
    now_ += 1;
    core_->tick();
  }
  EXPECT_EQ(job("j")["deviceJobStatistics"]["succeededCount"], 25);
  EXPECT_EQ(job("j")["status"], "completed");
  EXPECT_EQ(device_jobs("jobId = 'j'").size(), 25U);
}

TEST_F(JobsTest, GivesUpAfterItsLongestTime) {
  tier_ = Tier::S1;
  open();
  for (int i = 0; i < 25; ++i) create_device("d" + std::to_string(i));
  json body = update("*");
  body["maxExecutionTimeInSeconds"] = 1;
  put("j", body);
  core_->tick();
  now_ += 1;
  core_->tick();
  const json late = job("j");
  ASSERT_EQ(late["status"], "failed") << late;
  EXPECT_THAT(late["failureReason"].get<std::string>(), HasSubstr("longer than its 1 s"));
  EXPECT_EQ(late["deviceJobStatistics"]["succeededCount"], 20);
  EXPECT_EQ(late["deviceJobStatistics"]["failedCount"], 5);
}

TEST_F(JobsTest, CancelsWhatHasNotEnded) {
  create_device("a");
  json body = update("*");
  body["startTime"] = contract::to_iso8601(now_ + 100);
  put("j", body);
  const auto cancelled = call("POST", "/jobs/v2/j/cancel");
  EXPECT_EQ(cancelled.status, 200) << cancelled.body;
  EXPECT_EQ(json::parse(cancelled.body)["status"], "cancelled");
  now_ += 100;
  core_->tick();
  EXPECT_FALSE(twin("a")["tags"].contains("done"));
  EXPECT_EQ(call("POST", "/jobs/v2/j/cancel").status, 400);
  const auto unknown = call("POST", "/jobs/v2/none/cancel");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.headers.find("iothub-errorcode"), "JobNotFound");
}

TEST_F(JobsTest, ListsJobsByTypeAndStatusPageByPage) {
  for (const char* id : {"a", "b", "c"}) ASSERT_EQ(put(id, update("*")).status, 200);
  core_->tick();
  const auto list = [&](const std::string& filter, const std::string& token) {
    HttpRequest request{.method = "GET",
                        .path = "/jobs/v2/query",
                        .query = "api-version=2021-04-12" + filter,
                        .headers = {},
                        .body = {},
                        .peer_address = {}};
    request.headers.add("Authorization", service_token());
    request.headers.add("x-ms-max-item-count", "2");
    if (!token.empty()) request.headers.add("x-ms-continuation", token);
    return core_->handle(request).value();
  };
  const auto first = list("&jobStatus=completed&jobType=scheduleUpdateTwin", "");
  EXPECT_EQ(first.headers.find("x-ms-item-type"), "JobResponse");
  EXPECT_EQ(json::parse(first.body).size(), 2U);
  const auto token = first.headers.find("x-ms-continuation");
  ASSERT_TRUE(token);
  const auto second = list("&jobStatus=completed", std::string(*token));
  EXPECT_EQ(json::parse(second.body)[0]["jobId"], "c");
  EXPECT_FALSE(second.headers.find("x-ms-continuation"));
  EXPECT_EQ(json::parse(list("&jobStatus=running", "").body), json::array());
  EXPECT_EQ(list("", "rubbish").status, 400);
}

TEST_F(JobsTest, RefusesBadJobsWithReasons) {
  EXPECT_EQ(put("j", update("*")).status, 200);
  EXPECT_EQ(put("j", update("*")).status, 409);
  EXPECT_THAT(put("k", update("tags.a = ")).body, HasSubstr("position 10"));
  json body = update("*");
  body["type"] = "export";
  EXPECT_THAT(put("k", body).body, HasSubstr("no jobs of type"));
  body = update("*");
  body["updateTwin"]["tags"] = {{"a.b", 1}};
  EXPECT_EQ(put("k", body).status, 400);
  body = update("*");
  body["startTime"] = "tomorrow";
  EXPECT_EQ(put("k", body).status, 400);
  body = update("*");
  body["maxExecutionTimeInSeconds"] = 0;
  EXPECT_EQ(put("k", body).status, 400);
  body.erase("queryCondition");
  EXPECT_EQ(put("k", body).status, 400);
  EXPECT_EQ(put("b%20d", update("*")).status, 400);
  EXPECT_THAT(call("POST", "/jobs/create", "{}").body, HasSubstr("no import and export"));
  EXPECT_EQ(call("GET", "/jobs/v2/none").status, 404);
}

TEST_F(JobsTest, KeepsToTheNumberOfJobsOfItsEdition) {
  tier_ = Tier::S1;
  open();
  json body = update("*");
  body["startTime"] = contract::to_iso8601(now_ + 100);
  EXPECT_EQ(put("j", body).status, 200);
  const auto second = put("k", body);
  EXPECT_EQ(second.status, 429);
  EXPECT_EQ(second.headers.find("iothub-errorcode"), "ThrottlingMaxActiveJobCountExceeded");
}

TEST_F(JobsTest, ForgetsAJobAfterAMonth) {
  put("j", update("*"));
  core_->tick();
  now_ += 31 * 86'400;
  put("k", update("*"));
  EXPECT_EQ(call("GET", "/jobs/v2/j").status, 404);
  EXPECT_EQ(device_jobs("jobId = 'j'"), json::array());
}

TEST_F(JobsTest, LetsConfigurationsFollowWhatAJobWrote) {
  create_device("a");
  const json configuration = {{"content", {{"deviceContent", {{"properties.desired.x", 1}}}}},
                              {"targetCondition", "tags.done = true"},
                              {"priority", 1}};
  ASSERT_EQ(call("PUT", "/configurations/c", configuration.dump()).status, 200);
  put("j", update("*"));
  core_->tick();
  EXPECT_EQ(twin("a")["properties"]["desired"]["x"], 1);
}

}  // namespace
}  // namespace ota::hub
