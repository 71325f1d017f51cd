#include "cloud/profile/profile.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace ota::profile {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ProfileTest : public ::testing::Test {
 protected:
  ProfileTest() {
    std::string name = (std::filesystem::temp_directory_path() / "profile_test.XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~ProfileTest() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return (folder_ / "deep" / "profile.toml").string(); }
  void put(const std::string& text) const {
    std::filesystem::create_directories(folder_ / "deep");
    std::ofstream(path()) << text;
  }
  std::string error_of(const std::string& text) const {
    put(text);
    const auto result = read(path());
    return result ? "no error" : result.error();
  }

  std::filesystem::path folder_;
};

Profile sample() {
  return {.kind = Kind::Azure,
          .tier = "S2",
          .units = 200,
          .iothub_connection_string = "HostName=127.0.0.1:18443;SharedAccessKey=a+b/c=",
          .storage_connection_string = "BlobEndpoint=https://127.0.0.1/dev;AccountKey=x==",
          .dps_connection_string = {},
          .dps_host = "127.0.0.1:18883",
          .id_scope = "0ne00000001",
          .enrollment_group_id = "a \"quoted\" # name",
          .enrollment_group_key = "AAEC",
          .ca_file = "/etc/it's \\ here/ca.pem"};
}

TEST_F(ProfileTest, ReadsBackWhatItWrote) {
  ASSERT_TRUE(write(sample(), path()));
  const auto profile = read(path());
  ASSERT_TRUE(profile) << profile.error();
  const Profile expected = sample();
  EXPECT_EQ(profile->kind, Kind::Azure);
  EXPECT_EQ(profile->tier, "S2");
  EXPECT_EQ(profile->units, 200U);
  EXPECT_EQ(profile->iothub_connection_string, expected.iothub_connection_string);
  EXPECT_EQ(profile->storage_connection_string, expected.storage_connection_string);
  EXPECT_EQ(profile->dps_connection_string, "");
  EXPECT_EQ(profile->dps_host, expected.dps_host);
  EXPECT_EQ(profile->id_scope, expected.id_scope);
  EXPECT_EQ(profile->enrollment_group_id, expected.enrollment_group_id);
  EXPECT_EQ(profile->enrollment_group_key, expected.enrollment_group_key);
  EXPECT_EQ(profile->ca_file, expected.ca_file);
}

TEST_F(ProfileTest, IsReadableByItsOwnerOnly) {
  ASSERT_TRUE(write(sample(), path()));
  struct stat about {};
  ASSERT_EQ(::stat(path().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
}

TEST_F(ProfileTest, ReplacesAnOlderProfileAndLeavesNoDraft) {
  put("id_scope = 'old'\n");
  ASSERT_TRUE(write(sample(), path()));
  EXPECT_EQ(read(path())->id_scope, "0ne00000001");
  const auto folder = std::filesystem::path(path()).parent_path();
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
}

TEST_F(ProfileTest, AMissingProfileSaysHowToGetOne) {
  const auto result = read(path());
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error(), HasSubstr(path()));
  EXPECT_THAT(result.error(), HasSubstr("start `mcu-ota hub`"));
  EXPECT_THAT(result.error(), HasSubstr("AZURE_IOTHUB_CONNECTIONSTRING"));
}

TEST_F(ProfileTest, AMalformedProfileNamesLineAndColumn) {
  EXPECT_THAT(error_of("id_scope = 'ok'\ndps_host = \n"), HasSubstr("line 2, column"));
}

TEST_F(ProfileTest, AnUnknownKeyIsRefusedWithItsPlace) {
  EXPECT_THAT(error_of("id_scop = 'typo'\n"), HasSubstr("line 1, column 1: 'id_scop'"));
}

TEST_F(ProfileTest, WithoutAKindItIsTheLocalHubs) {
  put("id_scope = 'old'\n");
  const auto profile = read(path());
  ASSERT_TRUE(profile) << profile.error();
  EXPECT_EQ(profile->kind, Kind::Local);
  EXPECT_EQ(profile->tier, "");
  EXPECT_EQ(profile->units, 1U);
}

TEST_F(ProfileTest, AKindTierOrNumberOfUnitsThatDoesNotExistIsRefused) {
  EXPECT_THAT(error_of("kind = 'cloud'\n"), HasSubstr("'kind' must be \"local\" or \"azure\""));
  EXPECT_THAT(error_of("tier = 's1'\n"), HasSubstr("'tier' must be \"F1\", \"S1\""));
  EXPECT_THAT(error_of("tier = 1\n"), HasSubstr("'tier' must be a text in quotes"));
  for (const char* units : {"0", "201", "-1", "9223372036854775807", "1.0", "'1'", "true"}) {
    EXPECT_THAT(error_of("units = " + std::string(units) + "\n"),
                HasSubstr("'units' must be a number from 1 to 200"))
        << units;
  }
}

TEST_F(ProfileTest, AValueOfAnotherTypeIsRefusedWithoutShowingIt) {
  const std::string error = error_of("enrollment_group_key = 4711\n");
  EXPECT_THAT(error, HasSubstr("must be a text in quotes"));
  EXPECT_THAT(error, Not(HasSubstr("4711")));
}

TEST_F(ProfileTest, AValueWithAControlCharacterIsRefusedWithoutShowingIt) {
  for (const char* value : {"\"secret\\n\"", "\"secret\\u0000\"", "\"\"\"\nsecret\n\"\"\""}) {
    const std::string error = error_of("id_scope = " + std::string(value) + "\n");
    EXPECT_THAT(error, HasSubstr("line 1, column 1: 'id_scope' holds a line end")) << value;
    EXPECT_THAT(error, Not(HasSubstr("secret")));
  }
}

TEST_F(ProfileTest, AFolderInPlaceOfAProfileIsAnErrorAndNoCrash) {
  std::filesystem::create_directories(path());
  const auto result = read(path());
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error(), HasSubstr("cannot read profile"));
}

TEST_F(ProfileTest, AFolderThatCannotBeMadeIsNamed) {
  put("");
  const auto result = write(sample(), path() + "/below/profile.toml");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error(), HasSubstr(path() + "/below/profile.toml"));
}

TEST_F(ProfileTest, TheEnvironmentChoosesThePath) {
  ::setenv("MCU_OTA_PROFILE", "/a/p.toml", 1);
  EXPECT_EQ(default_path(), "/a/p.toml");
  ::unsetenv("MCU_OTA_PROFILE");
  ::setenv("XDG_CONFIG_HOME", "/b", 1);
  EXPECT_EQ(default_path(), "/b/mcu-ota/profile.toml");
  ::unsetenv("XDG_CONFIG_HOME");
  ::setenv("HOME", "/c", 1);
  EXPECT_EQ(default_path(), "/c/.config/mcu-ota/profile.toml");
}

}  // namespace
}  // namespace ota::profile
