#include "cloud/doctor/profile_checks.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace ota::doctor {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHub =
    "HostName=h;SharedAccessKeyName=owner;SharedAccessKey=AAECAwQFBgcICQoLDA0ODw==";
constexpr const char* kStorage =
    "AccountName=mcuota;AccountKey=AAECAwQFBgcICQoLDA0ODw==;BlobEndpoint=https://h/mcuota";

class ProfileChecks : public ::testing::Test {
 protected:
  ProfileChecks() {
    std::string name = (std::filesystem::temp_directory_path() / "doctor_test.XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~ProfileChecks() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& text, ::mode_t mode = 0600) const {
    const std::string path = (folder_ / "profile.toml").string();
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  Verdict verdict_of(const std::string& check) const {
    for (const Finding& finding : findings_.all()) {
      if (finding.check == check) return finding.verdict;
    }
    ADD_FAILURE() << check << " was not made";
    return Verdict::Skipped;
  }
  std::string detail_of(const std::string& check) const {
    for (const Finding& finding : findings_.all()) {
      if (finding.check == check) return finding.detail;
    }
    return {};
  }

  std::filesystem::path folder_;
  Findings findings_;
};

TEST_F(ProfileChecks, AUsableProfileIsFine) {
  const auto settings = check_file(
      findings_, file("iothub_connection_string = '" + std::string(kHub) + "'\nkind = 'azure'\n"));
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->iothub_connection_string, kHub);
  EXPECT_EQ(verdict_of("profile.file"), Verdict::Ok);
  EXPECT_EQ(verdict_of("profile.mode"), Verdict::Ok);
}

TEST_F(ProfileChecks, AFileThatOthersCanReadFails) {
  for (const ::mode_t mode : {0644U, 0640U, 0604U}) {
    findings_ = Findings();
    EXPECT_TRUE(check_file(findings_, file("", mode)));
    EXPECT_EQ(verdict_of("profile.mode"), Verdict::Failed) << mode;
    EXPECT_THAT(findings_.all().back().fix, HasSubstr("chmod 600"));
  }
}

TEST_F(ProfileChecks, AMissingOrMalformedFileFailsAndItsModeIsStillLookedAt) {
  EXPECT_FALSE(check_file(findings_, (folder_ / "none").string()));
  EXPECT_EQ(verdict_of("profile.file"), Verdict::Failed);
  EXPECT_EQ(findings_.all().size(), 1U);
  findings_ = Findings();
  EXPECT_FALSE(check_file(findings_, file("broken", 0644)));
  EXPECT_THAT(detail_of("profile.file"), HasSubstr("line 1"));
  EXPECT_EQ(verdict_of("profile.mode"), Verdict::Failed);
}

TEST_F(ProfileChecks, ConnectionStringsAreReadWithoutShowingAKey) {
  const Connections connections =
      check_connections(findings_, {.iothub_connection_string = kHub,
                                    .storage_connection_string = kStorage,
                                    .dps_connection_string = kHub});
  EXPECT_TRUE(connections.hub && connections.dps && connections.storage);
  EXPECT_EQ(findings_.count(Verdict::Ok), 3U);
  for (const Finding& finding : findings_.all()) {
    EXPECT_THAT(finding.detail, Not(HasSubstr("AAECAw")));
  }
  EXPECT_THAT(detail_of("profile.hub"), HasSubstr("owner"));
}

TEST_F(ProfileChecks, EachBadConnectionStringFailsForItself) {
  const Connections connections = check_connections(
      findings_, {.iothub_connection_string = "HostName=h;SharedAccessKeyName=x;SharedAccessKey=!",
                  .storage_connection_string = "AccountName=a",
                  .dps_connection_string = "HostName=h;DeviceId=d;SharedAccessKey=AAEC"});
  EXPECT_FALSE(connections.hub || connections.dps || connections.storage);
  EXPECT_THAT(detail_of("profile.hub"), HasSubstr("not base64"));
  EXPECT_THAT(detail_of("profile.storage"), HasSubstr("no AccountKey"));
  EXPECT_THAT(detail_of("profile.dps"), HasSubstr("of a device"));
  EXPECT_EQ(findings_.count(Verdict::Failed), 3U);
}

TEST_F(ProfileChecks, AKeyThatIsTooShortFails) {
  check_connections(findings_, {.iothub_connection_string =
                                    "HostName=h;SharedAccessKeyName=x;SharedAccessKey=AAEC"});
  EXPECT_EQ(verdict_of("profile.hub"), Verdict::Failed);
  EXPECT_THAT(detail_of("profile.hub"), HasSubstr("only 3 bytes"));
}

TEST_F(ProfileChecks, WhatIsNotNamedIsSaid) {
  check_connections(findings_, {.iothub_connection_string = kHub});
  EXPECT_EQ(verdict_of("profile.storage"), Verdict::Warning);
  EXPECT_EQ(verdict_of("profile.dps"), Verdict::Skipped);
}

TEST_F(ProfileChecks, TheFileOfCertificatesMustHoldSome) {
  check_ca_file(findings_, (folder_ / "none").string());
  check_ca_file(findings_, file("no certificate"));
  EXPECT_EQ(findings_.count(Verdict::Failed), 2U);
  check_ca_file(findings_, file("-----BEGIN CERTIFICATE-----\n"));
  check_ca_file(findings_, "");
  EXPECT_EQ(findings_.count(Verdict::Ok), 2U);
}

}  // namespace
}  // namespace ota::doctor
