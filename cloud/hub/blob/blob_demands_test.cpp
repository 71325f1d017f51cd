#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/hub/blob/blob_rig.hpp"

namespace ota::hub {
namespace {

using ::testing::HasSubstr;

const Fields kLease = {{"x-ms-lease-id", "3c7e72eb-b430-4526-bc53-d8ecef03798f"}};
const Fields kTagCondition = {{"x-ms-if-tags", "\"line\" = 'a'"}};

struct BlobDemands : ::testing::Test {
  void SetUp() override {
    ASSERT_EQ(rig.call("PUT", "/images?restype=container").status, 201);
    ASSERT_EQ(rig.put("/images/a", "base").status, 201);
  }
  std::string content() { return rig.call("GET", "/images/a").body; }
  BlobRig rig;
};

TEST_F(BlobDemands, FindsNoSnapshotsAndVersions) {
  for (const std::string parameter : {"snapshot", "versionid"}) {
    for (const std::string moment : {"2024-05-17T08%3A30%3A00.1234567Z", "2024-05-17T08:30:00Z"}) {
      const std::string query = "?" + parameter + "=" + moment;
      SCOPED_TRACE(query);
      for (const char* method : {"GET", "HEAD", "DELETE"}) {
        EXPECT_EQ(rig.call(method, "/images/a" + query).code(), "BlobNotFound") << method;
        EXPECT_EQ(rig.call(method, "/none/a" + query).code(), "ContainerNotFound") << method;
      }
      for (const std::string comp : {"metadata", "blocklist"})
        EXPECT_EQ(rig.call("GET", "/images/a" + query + "&comp=" + comp).code(), "BlobNotFound");
      EXPECT_EQ(rig.put("/images/a" + query, "other").code(), "InvalidQueryParameterValue");
      EXPECT_EQ(rig.call("PUT", "/images/a" + query + "&comp=metadata").code(),
                "InvalidQueryParameterValue");
      EXPECT_EQ(content(), "base");
    }
  }
}

TEST_F(BlobDemands, RefusesWhatNamesNoSnapshot) {
  for (const std::string text :
       {"", "nonsense", "2024-05-17", "2024-05-17T08:30:00", "2024-05-17T08:30:00.Z",
        "2024-05-17T08:30:00.12345678Z", "2024-05-17T08:30:00.12x4567Z", "x024-05-17T08:30:00Z",
        "2024-05-17T08:30:00.1234567Z&snapshot="}) {
    SCOPED_TRACE(text);
    for (const char* method : {"GET", "HEAD", "DELETE", "PUT"}) {
      EXPECT_EQ(rig.call(method, "/images/a?snapshot=" + text).code(),
                "InvalidQueryParameterValue");
    }
  }
  EXPECT_EQ(rig.call("DELETE", "/images/a?snapshot").code(), "InvalidQueryParameterValue");
  EXPECT_EQ(rig.call("DELETE", "/images/a?deletetype=permanent").code(),
            "InvalidQueryParameterValue");
  EXPECT_EQ(rig.call("DELETE", "/images?restype=container&snapshot=2024-05-17T08:30:00Z").code(),
            "InvalidQueryParameterValue");
  EXPECT_EQ(content(), "base");
}

TEST_F(BlobDemands, TellsOnlyThoseWhoMayAsk) {
  const std::string token = rig.sas({.container = "images", .blob = "a", .permissions = "c"});
  const auto answer = rig.send(BlobRig::head(
      "DELETE", "/mcuota/images/a?versionid=2024-05-17T08:30:00.1234567Z&" + token, {}));
  EXPECT_EQ(answer.code(), "AuthorizationPermissionMismatch");
}

TEST_F(BlobDemands, RemovesSnapshotsWithoutTheBlob) {
  EXPECT_EQ(rig.call("DELETE", "/images/a", {{"x-ms-delete-snapshots", "other"}}).code(),
            "InvalidHeaderValue");
  EXPECT_EQ(rig.call("DELETE", "/images/a", {{"x-ms-delete-snapshots", "only"}}).status, 202);
  EXPECT_EQ(rig.call("DELETE", "/images/none", {{"x-ms-delete-snapshots", "only"}}).code(),
            "BlobNotFound");
  EXPECT_EQ(content(), "base");
  EXPECT_EQ(rig.call("DELETE", "/images/a", {{"x-ms-delete-snapshots", "include"}}).status, 202);
  EXPECT_EQ(rig.call("GET", "/images/a").code(), "BlobNotFound");
}

TEST_F(BlobDemands, KnowsNoLeases) {
  struct Call {
    const char* method;
    std::string target;
  };
  const std::vector<Call> on_blob = {
      {"GET", "/images/a"},
      {"HEAD", "/images/a"},
      {"GET", "/images/a?comp=metadata"},
      {"GET", "/images/a?comp=blocklist"},
      {"PUT", "/images/a?comp=metadata"},
      {"PUT", "/images/a?comp=properties"},
      {"PUT", "/images/a?comp=block&blockid=aWQw"},
      {"PUT", "/images/a?comp=blocklist"},
      {"DELETE", "/images/a"},
  };
  for (const auto& [method, target] : on_blob) {
    const auto answer = rig.call(method, target, kLease);
    EXPECT_EQ(answer.status, 412) << method << target;
    EXPECT_EQ(answer.code(), "LeaseNotPresentWithBlobOperation") << method << target;
  }
  EXPECT_EQ(rig.put("/images/a", "other", kLease).code(), "LeaseNotPresentWithBlobOperation");
  EXPECT_EQ(content(), "base");
  const std::string container = "/images?restype=container";
  const std::vector<Call> on_container = {{"GET", container},
                                          {"HEAD", container},
                                          {"GET", container + "&comp=acl"},
                                          {"PUT", container + "&comp=metadata"},
                                          {"DELETE", container}};
  for (const auto& [method, target] : on_container) {
    const auto answer = rig.call(method, target, kLease);
    EXPECT_EQ(answer.status, 412) << method << target;
    EXPECT_EQ(answer.code(), "LeaseNotPresentWithContainerOperation") << method << target;
  }
  EXPECT_EQ(rig.call("GET", "/images/none", kLease).code(), "BlobNotFound");
  EXPECT_EQ(rig.call("DELETE", "/none?restype=container", kLease).code(), "ContainerNotFound");
}

TEST_F(BlobDemands, MeetsNoConditionOnTags) {
  for (const char* method : {"GET", "HEAD", "DELETE"}) {
    const auto answer = rig.call(method, "/images/a", kTagCondition);
    EXPECT_EQ(answer.status, 412) << method;
    EXPECT_EQ(answer.code(), "ConditionNotMet") << method;
  }
  EXPECT_EQ(rig.call("PUT", "/images/a?comp=metadata", kTagCondition).code(), "ConditionNotMet");
  EXPECT_EQ(rig.put("/images/a", "other", kTagCondition).code(), "ConditionNotMet");
  EXPECT_EQ(rig.put("/images/new", "other", kTagCondition).code(), "ConditionNotMet");
  EXPECT_EQ(rig.call("GET", "/images/new", kTagCondition).code(), "BlobNotFound");
  EXPECT_EQ(content(), "base");
}

TEST_F(BlobDemands, RefusesHeadersThatItWouldHaveToIgnore) {
  for (const std::string name :
       {"x-ms-tags", "X-Ms-Tags", "x-ms-encryption-key", "x-ms-encryption-key-sha256",
        "x-ms-encryption-scope", "x-ms-legal-hold", "x-ms-immutability-policy-until-date",
        "x-ms-immutability-policy-mode"}) {
    const auto answer = rig.put("/images/a", "other", {{name, "value"}});
    EXPECT_EQ(answer.status, 400) << name;
    EXPECT_EQ(answer.code(), "UnsupportedHeader") << name;
    EXPECT_THAT(answer.body, HasSubstr("x-ms-"));
  }
  EXPECT_THAT(rig.put("/images/a", "other", {{"x-ms-tags", "line=a"}}).body,
              HasSubstr("the header x-ms-tags asks"));
  EXPECT_EQ(rig.call("GET", "/images/a", {{"x-ms-encryption-key", "a2V5"}}).code(),
            "UnsupportedHeader");
  EXPECT_EQ(content(), "base");
}

TEST_F(BlobDemands, RefusesStructuresThatItDoesNotKnow) {
  const auto structured = [](const std::string& form) {
    return Fields{{"x-ms-structured-body", form}, {"x-ms-structured-content-length", "5"}};
  };
  for (const char* form : {"XSM/2.0; properties=crc64", "XSM/1.0", ""}) {
    EXPECT_EQ(rig.put("/images/a", "other", structured(form)).code(), "UnsupportedHeader") << form;
    EXPECT_EQ(rig.call("GET", "/images/a", structured(form)).code(), "UnsupportedHeader") << form;
  }
  const Fields known = structured("XSM/1.0; properties=crc64");
  for (const std::string comp : {"blocklist", "metadata", "properties"})
    EXPECT_EQ(rig.call("PUT", "/images/a?comp=" + comp, known).code(), "UnsupportedHeader") << comp;
  EXPECT_EQ(rig.call("GET", "/images/a?comp=blocklist", known).code(), "UnsupportedHeader");
  EXPECT_EQ(rig.call("HEAD", "/images/a", known).code(), "UnsupportedHeader");
  EXPECT_EQ(content(), "base");
}

TEST_F(BlobDemands, TakesTheTiersOfAccountsLikeThis) {
  for (const char* tier : {"Hot", "Cool", "Cold"})
    EXPECT_EQ(rig.put("/images/b", "x", {{"x-ms-access-tier", tier}}).status, 201) << tier;
  for (const char* tier : {"Archive", "Bogus", "P10", ""}) {
    EXPECT_EQ(rig.put("/images/c", "x", {{"x-ms-access-tier", tier}}).code(), "InvalidHeaderValue")
        << tier;
  }
  EXPECT_EQ(rig.call("GET", "/images/c").code(), "BlobNotFound");
}

}  // namespace
}  // namespace ota::hub
