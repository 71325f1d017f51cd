#include "cloud/rest/dps_client.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "tests/http/recorded_pause.hpp"
#include "tests/http/scripted_server.hpp"

namespace ota::rest {
namespace {

class DpsClientTest : public ::testing::Test {
 protected:
  DpsClient client() {
    return DpsClient({.host_name = "dps.example",
                      .gateway_host_name = {},
                      .device_id = {},
                      .policy = "provisioningserviceowner",
                      .key = *from_base64("AAEC")},
                     {.now = [] { return 1'893'456'000; }, .pause = pause, .random = random},
                     server.url());
  }

  test::RecordedPause pause;
  SplitMix64 random{1};
  std::function<test::Response(const test::Request&)> answer = [](const test::Request&) {
    return test::Response{.body = "{}"};
  };
  test::ScriptedServer server{[this](const test::Request& request) { return answer(request); }};
};

TEST_F(DpsClientTest, CreatesAGroupWhoseTwinStartsWithTheTags) {
  ASSERT_TRUE(client().create({.kind = EnrollmentKind::Group,
                               .id = "plant 1",
                               .tags = {{"productType", "pump"}, {"deviceGroup", "lab"}}}));
  const test::Request request = server.requests().at(0);
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.path, "/enrollmentGroups/plant%201");
  EXPECT_EQ(request.query, "api-version=2021-10-01");
  EXPECT_EQ(nlohmann::json::parse(request.body), nlohmann::json::parse(R"({
    "enrollmentGroupId": "plant 1", "provisioningStatus": "enabled",
    "attestation": {"type": "symmetricKey", "symmetricKey": {}},
    "initialTwin": {"tags": {"productType": "pump", "deviceGroup": "lab"},
                    "properties": {"desired": {}}}})"));
}

TEST_F(DpsClientTest, CreatesAGroupForCertificatesOfAnAuthority) {
  ASSERT_TRUE(client().create({.kind = EnrollmentKind::Group, .id = "g", .ca_reference = "ca-1"}));
  EXPECT_EQ(nlohmann::json::parse(server.requests().at(0).body)["attestation"],
            nlohmann::json::parse(R"({"type": "x509",
                                      "x509": {"caReferences": {"primary": "ca-1"}}})"));
}

TEST_F(DpsClientTest, CreatesEnrollmentsForCertificates) {
  ASSERT_TRUE(client().create({.kind = EnrollmentKind::Group,
                               .id = "g",
                               .certificate = "PEM 1",
                               .second_certificate = "PEM 2"}));
  ASSERT_TRUE(
      client().create({.kind = EnrollmentKind::Individual, .id = "d", .certificate = "PEM 3"}));
  const auto attestation = [this](std::size_t index) {
    return nlohmann::json::parse(server.requests().at(index).body)["attestation"];
  };
  EXPECT_EQ(attestation(0), nlohmann::json::parse(R"({"type": "x509", "x509":
    {"signingCertificates": {"primary": {"certificate": "PEM 1"},
                             "secondary": {"certificate": "PEM 2"}}}})"));
  EXPECT_EQ(attestation(1), nlohmann::json::parse(R"({"type": "x509", "x509":
    {"clientCertificates": {"primary": {"certificate": "PEM 3"}}}})"));
}

TEST_F(DpsClientTest, DisablesAnEnrollmentWithoutMakingNewKeys) {
  answer = [](const test::Request& request) {
    if (request.method == "POST") {
      return test::Response{
          .body =
              R"({"type":"symmetricKey","symmetricKey":{"primaryKey":"p","secondaryKey":"s"}})"};
    }
    if (request.method == "PUT") return test::Response{.body = request.body};
    return test::Response{.body = R"({"enrollmentGroupId":"g","etag":"Nw==",
      "provisioningStatus":"enabled","attestation":{"type":"symmetricKey"},
      "createdDateTimeUtc":"2030-01-01T00:00:00Z","initialTwin":{"tags":{"deviceGroup":"lab"}},
      "reprovisionPolicy":{"migrateDeviceData":true}})"};
  };
  const auto changed = client().set_status(EnrollmentKind::Group, "g", "disabled");
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(changed->status, "disabled");
  const test::Request put = server.requests().at(2);
  EXPECT_EQ(put.header("If-Match"), "\"Nw==\"");
  EXPECT_EQ(nlohmann::json::parse(put.body), nlohmann::json::parse(R"({"enrollmentGroupId":"g",
    "provisioningStatus":"disabled", "attestation":{"type":"symmetricKey",
      "symmetricKey":{"primaryKey":"p","secondaryKey":"s"}},
    "initialTwin":{"tags":{"deviceGroup":"lab"}},
    "reprovisionPolicy":{"migrateDeviceData":true}})"));
}

TEST_F(DpsClientTest, DeletesOnlyTheStateThatItNames) {
  answer = [](const test::Request&) { return test::Response{.status = 412}; };
  EXPECT_EQ(client().remove(EnrollmentKind::Group, "g", "Nw==").error().kind,
            ApiError::Kind::Conflict);
  EXPECT_EQ(server.requests()[0].header("If-Match"), "\"Nw==\"");
}

TEST_F(DpsClientTest, ReadsIndividualEnrollmentsPageByPage) {
  answer = [](const test::Request& request) {
    if (request.header("x-ms-continuation").empty()) {
      return test::Response{.headers = {{"x-ms-continuation", "2"}},
                            .body = R"([{"registrationId":"a","provisioningStatus":"enabled",
          "attestation":{"type":"symmetricKey"},"initialTwin":{"tags":{"deviceGroup":"lab"}}}])"};
    }
    return test::Response{.body = R"([{"registrationId":"b"}])"};
  };
  const auto list = client().list(EnrollmentKind::Individual);
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_EQ(list->size(), 2U);
  EXPECT_EQ((*list)[0].id, "a");
  EXPECT_EQ((*list)[0].tags.at("deviceGroup"), "lab");
  EXPECT_EQ((*list)[0].attestation, "symmetricKey");
  EXPECT_EQ((*list)[1].id, "b");
  EXPECT_EQ(server.requests()[0].path, "/enrollments/query");
}

TEST_F(DpsClientTest, AsksForKeysWhereTheServiceGivesThem) {
  answer = [](const test::Request&) {
    return test::Response{
        .body = R"({"type":"symmetricKey","symmetricKey":{"primaryKey":"p","secondaryKey":"s"}})"};
  };
  const auto keys = client().keys(EnrollmentKind::Group, "g");
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->primary, "p");
  EXPECT_EQ(server.requests()[0].path, "/enrollmentGroups/g/attestationmechanism");
  EXPECT_EQ(server.requests()[0].method, "POST");
}

TEST_F(DpsClientTest, AnEnrollmentWithoutAKeyIsAnError) {
  EXPECT_FALSE(client().keys(EnrollmentKind::Group, "g"));
}

TEST_F(DpsClientTest, MissingOnesAreNotFound) {
  answer = [](const test::Request&) { return test::Response{.status = 404}; };
  EXPECT_EQ(client().get(EnrollmentKind::Group, "g").error().kind, ApiError::Kind::NotFound);
  EXPECT_EQ(client().remove(EnrollmentKind::Individual, "g").error().kind,
            ApiError::Kind::NotFound);
}

}  // namespace
}  // namespace ota::rest
