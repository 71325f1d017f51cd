// Provisioning, seen by a device and through the service REST of DPS.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cloud/hub/core/test_hub.hpp"
#include "cloud/hub/x509/certificate.hpp"
#include "cloud/hub/x509/x509_test_authority.hpp"

namespace ota::hub {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kGroupKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

class ProvisioningTest : public HubTest {
 protected:
  std::string group_key() const { return core_->access().enrollment_group_key; }
  std::string device_key(const std::string& id, const std::string& group) const {
    return contract::derive_device_key(key_of(group), id);
  }
  std::string token(const std::string& id, const std::string& key) const {
    return contract::make_hub_sas(core_->access().id_scope + "/registrations/" + id, key_of(key),
                                  now_ + 3600, "registration");
  }
  Result<Login, LoginRefusal> dps_login(const std::string& id, const std::string& password,
                                        const ClientCertificate* certificate = nullptr) {
    return core_->dps_login({.id_scope = core_->access().id_scope, .registration_id = id},
                            {.client_id = id, .password = password, .certificate = certificate});
  }
  Answer register_device(const std::string& id, const std::string& password,
                         const json& body = json::object(),
                         const ClientCertificate* certificate = nullptr) {
    return core_->dps_register(
        id, {.client_id = id, .password = password, .certificate = certificate}, body.dump());
  }
  /// Registers and polls, as a device does. Returns the registration state.
  json provision(const std::string& id, const std::string& password,
                 const ClientCertificate* certificate = nullptr) {
    const Answer first = register_device(id, password, {{"registrationId", id}}, certificate);
    EXPECT_EQ(first.status, 202) << first.body;
    EXPECT_TRUE(first.retry_after_s);
    const json assigning = json::parse(first.body);
    EXPECT_EQ(assigning["status"], "assigning");
    const Answer second = core_->dps_status(id, assigning["operationId"].get<std::string>());
    EXPECT_EQ(second.status, 200) << second.body;
    return json::parse(second.body)["registrationState"];
  }
  HttpResponse dps(const std::string& method, const std::string& path, const json& body = nullptr,
                   const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    HttpRequest request{.method = method,
                        .path = path,
                        .query = "api-version=2021-10-01",
                        .headers = {},
                        .body = body.is_null() ? "" : body.dump(),
                        .peer_address = {}};
    request.headers.add(
        "Authorization",
        contract::make_hub_sas("hub.local", key_of(core_->access().provisioningserviceowner_key),
                               now_ + 60, "provisioningserviceowner"));
    for (const auto& [name, value] : headers) request.headers.add(name, value);
    return core_->handle(request).value();
  }
  json twin(const std::string& id) { return json::parse(call("GET", "/twins/" + id).body); }
  static json x509(const char* member, const TestIdentity& identity) {
    return {{"type", "x509"},
            {"x509", {{member, {{"primary", {{"certificate", identity.pem()}}}}}}}};
  }
  static json symmetric(const std::string& key) {
    return {{"type", "symmetricKey"},
            {"symmetricKey", {{"primaryKey", key}, {"secondaryKey", key}}}};
  }
};

TEST_F(ProvisioningTest, AssignsADeviceOfTheDefaultGroupAndLetsItIn) {
  EXPECT_EQ(core_->access().enrollment_group_id, "devices");
  const std::string key = device_key("dev-001", group_key());
  ASSERT_TRUE(dps_login("dev-001", token("dev-001", key)));
  const json state = provision("dev-001", token("dev-001", key));
  EXPECT_EQ(state["assignedHub"], "hub.local:18883");
  EXPECT_EQ(state["deviceId"], "dev-001");
  EXPECT_EQ(state["status"], "assigned");
  EXPECT_EQ(state["substatus"], "initialAssignment");
  EXPECT_EQ(state["symmetricKey"]["enrollmentGroupId"], "devices");
  EXPECT_TRUE(login("dev-001", contract::make_hub_sas("hub.local:18883/devices/dev-001",
                                                      key_of(key), now_ + 60)));
}

TEST_F(ProvisioningTest, AcceptsTheResourceFormsOfAllSdks) {
  const auto key = key_of(device_key("dev-001", group_key()));
  std::string token = contract::make_hub_sas(core_->access().id_scope + "/registrations/dev-001",
                                             key, now_ + 60, "registration");
  ASSERT_THAT(token, HasSubstr("%2F"));
  EXPECT_TRUE(dps_login("dev-001", token));
  EXPECT_FALSE(dps_login("dev-002", token));
  EXPECT_FALSE(dps_login("dev-001", contract::make_hub_sas("0ne/registrations/dev-001", key,
                                                           now_ + 60, "registration")));
  EXPECT_FALSE(dps_login(
      "dev-001", contract::make_hub_sas(core_->access().id_scope + "/registrations/dev-001", key,
                                        now_ - 300)));
}

TEST_F(ProvisioningTest, RefusesWrongKeysAndForeignScopes) {
  const auto refused = dps_login("dev-001", token("dev-001", kGroupKey));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), LoginRefusal::NotAuthorized);
  const Answer answer = register_device("dev-001", token("dev-001", kGroupKey));
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(json::parse(answer.body)["errorCode"], 401002);
  const std::string good = token("dev-001", device_key("dev-001", group_key()));
  EXPECT_FALSE(
      core_->dps_login({.id_scope = "0neOTHER", .registration_id = "dev-001"},
                       {.client_id = "dev-001", .password = good, .certificate = nullptr}));
  EXPECT_FALSE(
      core_->dps_login({.id_scope = core_->access().id_scope, .registration_id = "dev-001"},
                       {.client_id = "dev-002", .password = good, .certificate = nullptr}));
}

TEST_F(ProvisioningTest, GivesTheInitialTwinOnceAndNeverTrustsThePayload) {
  ASSERT_EQ(dps("PUT", "/enrollmentGroups/line-a",
                {{"enrollmentGroupId", "line-a"},
                 {"attestation", symmetric(kGroupKey)},
                 {"initialTwin",
                  {{"tags", {{"productType", "o'hara"}, {"version", 3}}},
                   {"properties", {{"desired", {{"x", 1}}}}}}}})
                .status,
            200);
  const std::string password = token("d", device_key("d", kGroupKey));
  const Answer first = register_device(
      "d", password, {{"registrationId", "d"}, {"payload", {{"productType", "stolen"}}}});
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(twin("d")["tags"], json({{"productType", "o'hara"}}));
  EXPECT_EQ(twin("d")["properties"]["desired"]["x"], 1);
  EXPECT_EQ(twin("d")["properties"]["desired"]["$version"], 2);
  call("PATCH", "/twins/d", R"({"tags":{"productType":"other"}})");
  provision("d", password);
  EXPECT_EQ(twin("d")["tags"]["productType"], "other");
}

TEST_F(ProvisioningTest, PutsANewDeviceUnderItsConfigurationsAtOnce) {
  dps("PUT", "/enrollmentGroups/g",
      {{"attestation", symmetric(kGroupKey)}, {"initialTwin", {{"tags", {{"ring", "a"}}}}}});
  call("PUT", "/configurations/c",
       R"({"content":{"deviceContent":{"properties.desired.fw":{"v":1}}},)"
       R"("targetCondition":"tags.ring='a'","priority":1})");
  provision("d", token("d", device_key("d", kGroupKey)));
  EXPECT_EQ(twin("d")["properties"]["desired"]["fw"], json({{"v", 1}}));
}

TEST_F(ProvisioningTest, LetsAnIndividualEnrollmentOverrideAGroup) {
  const std::string by_group = token("d", device_key("d", group_key()));
  ASSERT_TRUE(dps_login("d", by_group));
  ASSERT_EQ(
      dps("PUT", "/enrollments/d", {{"attestation", symmetric(kGroupKey)}, {"deviceId", "named"}})
          .status,
      200);
  EXPECT_FALSE(dps_login("d", by_group));
  EXPECT_EQ(provision("d", token("d", kGroupKey))["deviceId"], "named");
}

TEST_F(ProvisioningTest, AnswersDisabledEnrollments) {
  dps("PUT", "/enrollments/d",
      {{"attestation", symmetric(kGroupKey)}, {"provisioningStatus", "Disabled"}});
  const Answer answer = register_device("d", token("d", kGroupKey));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body)["status"], "disabled");
  EXPECT_EQ(call("GET", "/devices/d").status, 404);
}

TEST_F(ProvisioningTest, KeepsAnOperatorsDecisionWhenADeviceComesBack) {
  const std::string password = token("d", device_key("d", group_key()));
  provision("d", password);
  call("PUT", "/devices/d", R"({"status":"disabled"})", {{"If-Match", "*"}});
  provision("d", password);
  EXPECT_EQ(json::parse(call("GET", "/devices/d").body)["status"], "disabled");
}

ClientCertificate shown(const std::string& common_name, std::vector<std::string> chain) {
  const auto facts = read_certificate(chain.front());
  EXPECT_EQ(facts->common_name, common_name);
  return {.common_name = facts->common_name,
          .sha1_thumbprint = facts->sha1_thumbprint,
          .sha256_thumbprint = facts->sha256_thumbprint,
          .chain_valid = false,
          .chain_der = std::move(chain)};
}

TEST_F(ProvisioningTest, ProvisionsByTheDevicesOwnCertificate) {
  const TestIdentity own = test_identity("leaf", TestRole::Leaf, now_);
  ASSERT_EQ(
      dps("PUT", "/enrollments/leaf", {{"attestation", x509("clientCertificates", own)}}).status,
      200);
  const ClientCertificate certificate = shown("leaf", {own.der()});
  provision("leaf", "", &certificate);
  EXPECT_TRUE(login("leaf", "", &certificate));
  const ClientCertificate other =
      shown("leaf", {test_identity("leaf", TestRole::Leaf, now_).der()});
  EXPECT_FALSE(dps_login("leaf", "", &other));
}

TEST_F(ProvisioningTest, ProvisionsByTheCertificatesIssuer) {
  const TestIdentity root = test_identity("root", TestRole::Authority, now_);
  const TestIdentity factory = test_identity("factory", TestRole::Authority, now_, &root);
  const TestIdentity device = test_identity("member", TestRole::Leaf, now_, &factory);
  const TestIdentity stranger = test_identity("member", TestRole::Leaf, now_);
  ASSERT_EQ(dps("PUT", "/enrollmentGroups/ca", {{"attestation", x509("signingCertificates", root)}})
                .status,
            200);
  const ClientCertificate issued = shown("member", {device.der(), factory.der()});
  provision("member", "", &issued);
  EXPECT_TRUE(login("member", "", &issued));
  EXPECT_FALSE(dps_login("other", "", &issued));
  const ClientCertificate broken = shown("member", {device.der()});
  EXPECT_FALSE(dps_login("member", "", &broken));
  const ClientCertificate foreign = shown("member", {stranger.der(), root.der()});
  EXPECT_FALSE(dps_login("member", "", &foreign));
}

TEST_F(ProvisioningTest, ShowsACertificatesFactsAndKeepsItWhenTheyComeBack) {
  const TestIdentity root = test_identity("root", TestRole::Authority, now_);
  const auto made =
      dps("PUT", "/enrollmentGroups/ca", {{"attestation", x509("signingCertificates", root)}});
  const json primary =
      json::parse(made.body)["attestation"]["x509"]["signingCertificates"]["primary"];
  EXPECT_FALSE(primary.contains("certificate"));
  EXPECT_EQ(primary["info"]["subjectName"], "CN=root");
  const auto again =
      dps("PUT", "/enrollmentGroups/ca", json::parse(made.body), {{"If-Match", "*"}});
  EXPECT_EQ(again.status, 200) << again.body;
  const TestIdentity device = test_identity("member", TestRole::Leaf, now_, &root);
  const ClientCertificate issued = shown("member", {device.der()});
  provision("member", "", &issued);
  for (const char* text : {"", "AAEC", "no certificate"}) {
    json bad = x509("signingCertificates", root);
    bad["x509"]["signingCertificates"]["primary"]["certificate"] = text;
    EXPECT_EQ(dps("PUT", "/enrollmentGroups/bad", {{"attestation", bad}}).status, 400) << text;
  }
}

TEST_F(ProvisioningTest, RefusesBadRegistrations) {
  const std::string password = token("d", device_key("d", group_key()));
  EXPECT_EQ(register_device("d", password, {{"registrationId", "e"}}).status, 400);
  EXPECT_EQ(register_device("d", password, json::array()).status, 400);
  EXPECT_EQ(core_
                ->dps_register(
                    "d", {.client_id = "d", .password = password, .certificate = nullptr}, "nope")
                .status,
            400);
  provision("d", password);
  EXPECT_EQ(core_->dps_status("d", "4.other").status, 404);
  EXPECT_EQ(core_->dps_status("nobody", "").status, 404);
}

TEST_F(ProvisioningTest, RegistersOverHttpsWithTheDevicesTokenOnly) {
  const std::string base = "/" + core_->access().id_scope + "/registrations/d";
  const std::string password = token("d", device_key("d", group_key()));
  const auto ask = [&](const std::string& method, const std::string& path,
                       const std::string& authorization) {
    HttpRequest request{.method = method,
                        .path = path,
                        .query = "api-version=2021-06-01",
                        .headers = {},
                        .body = R"({"registrationId":"d"})",
                        .peer_address = {}};
    request.headers.add("Authorization", authorization);
    return core_->handle(request).value();
  };
  const std::string service = contract::make_hub_sas(
      "hub.local", key_of(core_->access().iothubowner_key), now_ + 60, "iothubowner");
  for (const std::string& wrong :
       {std::string(), service, token("e", device_key("e", group_key()))})
    EXPECT_EQ(ask("PUT", base + "/register", wrong).status, 401) << wrong;
  EXPECT_EQ(ask("PUT", "/0ne00000000/registrations/d/register", password).status, 401);
  EXPECT_EQ(call("GET", "/devices/d").status, 404);
  const auto first = ask("PUT", base + "/register", password);
  ASSERT_EQ(first.status, 202) << first.body;
  EXPECT_EQ(first.headers.find("Retry-After"), "1");
  const std::string operation = json::parse(first.body)["operationId"];
  const auto second = ask("GET", base + "/operations/" + operation, password);
  EXPECT_EQ(json::parse(second.body)["registrationState"]["deviceId"], "d");
  EXPECT_EQ(ask("POST", base, password).status, 200);
  EXPECT_EQ(ask("DELETE", base, password).status, 405);
}

TEST_F(ProvisioningTest, ManagesEnrollmentsOverRest) {
  const auto made = dps("PUT", "/enrollments/d",
                        {{"registrationId", "d"}, {"attestation", {{"type", "symmetricKey"}}}});
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_THAT(made.body, Not(HasSubstr("primaryKey")));
  const json keys = json::parse(dps("POST", "/enrollments/d/attestationmechanism").body);
  const std::string key = keys["symmetricKey"]["primaryKey"];
  EXPECT_EQ(key.size(), 44U);
  EXPECT_EQ(dps("PUT", "/enrollments/d", {{"attestation", {{"type", "symmetricKey"}}}}).status,
            412);
  EXPECT_EQ(dps("PUT", "/enrollments/d", {{"attestation", {{"type", "symmetricKey"}}}},
                {{"If-Match", "\"stale\""}})
                .status,
            412);
  EXPECT_EQ(dps("PUT", "/enrollments/d", json::parse(made.body), {{"If-Match", "*"}}).status, 200);
  EXPECT_EQ(
      json::parse(
          dps("POST", "/enrollments/d/attestationmechanism").body)["symmetricKey"]["primaryKey"],
      key);
  const auto all =
      dps("POST", "/enrollmentGroups/query", {{"query", "SELECT * FROM enrollmentGroups"}});
  EXPECT_EQ(all.headers.find("x-ms-item-type"), "EnrollmentGroup");
  EXPECT_EQ(json::parse(all.body).size(), 1U);
  EXPECT_EQ(dps("DELETE", "/enrollments/d").status, 204);
  EXPECT_EQ(dps("GET", "/enrollments/d").status, 404);
  EXPECT_EQ(json::parse(dps("GET", "/enrollments/d").body)["errorCode"], 404001);
}

TEST_F(ProvisioningTest, RefusesBadEnrollments) {
  EXPECT_EQ(
      dps("PUT", "/enrollments/bad%20id", {{"attestation", {{"type", "symmetricKey"}}}}).status,
      400);
  EXPECT_EQ(dps("PUT", "/enrollments/d", json::object()).status, 400);
  EXPECT_EQ(dps("PUT", "/enrollments/d", {{"attestation", {{"type", "tpm"}}}}).status, 400);
  EXPECT_EQ(dps("PUT", "/enrollments/d", {{"attestation", symmetric("short")}}).status, 400);
  EXPECT_EQ(
      dps("PUT", "/enrollments/d",
          {{"attestation", {{"type", "symmetricKey"}}}, {"initialTwin", {{"tags", {{"a b", 1}}}}}})
          .status,
      400);
  EXPECT_EQ(dps("PUT", "/enrollments/d",
                {{"attestation", {{"type", "symmetricKey"}}}, {"initialTwin", 5}})
                .status,
            400);
  EXPECT_EQ(dps("PUT", "/enrollments/d",
                {{"attestation", {{"type", "symmetricKey"}}}, {"capabilities", 5}})
                .status,
            200);
  provision("d", token("d", json::parse(dps("POST", "/enrollments/d/attestationmechanism")
                                            .body)["symmetricKey"]["primaryKey"]));
}

TEST_F(ProvisioningTest, ShowsAndDeletesRegistrations) {
  provision("d", token("d", device_key("d", group_key())));
  EXPECT_EQ(json::parse(dps("GET", "/registrations/d").body)["status"], "assigned");
  EXPECT_EQ(json::parse(dps("POST", "/registrations/devices/query").body).size(), 1U);
  EXPECT_EQ(dps("DELETE", "/registrations/d").status, 204);
  EXPECT_EQ(dps("GET", "/registrations/d").status, 404);
}

TEST_F(ProvisioningTest, DoesNotBringADeletedDefaultGroupBack) {
  EXPECT_EQ(dps("DELETE", "/enrollmentGroups/devices").status, 204);
  open();
  EXPECT_EQ(core_->access().enrollment_group_id, "");
}

TEST_F(ProvisioningTest, SeparatesTheRightsOfHubAndDps) {
  EXPECT_EQ(call("GET", "/enrollments/d").status, 401);
  EXPECT_EQ(dps("GET", "/devices").status, 401);
}

}  // namespace
}  // namespace ota::hub
