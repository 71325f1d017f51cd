#include "device/host/net/login.hpp"

#include <gmock/gmock.h>

#include "base/encoding.hpp"

namespace ota::net {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

Credential with_key() {
  Credential credential;
  credential.key = from_base64(kKey).value();
  return credential;
}

// The vectors are those of the reference: key 00..1F, end 2030-01-01.
TEST(Login, SignsTheHubToken) {
  const Login login =
      hub_login("contoso.azure-devices.net", "dev-001", with_key(), 1893456000, "mcu-ota/1");
  EXPECT_EQ(login.client_id, "dev-001");
  EXPECT_THAT(login.user_name, HasSubstr("contoso.azure-devices.net/dev-001/?api-version="));
  EXPECT_THAT(login.password, HasSubstr("sig=AmfnyecLBjvAtasGjZfabHf%2BwoIf3wRRbG4nJr2aSM8%3D"));
}

TEST(Login, SignsTheDpsTokenWithTheDerivedKey) {
  const Credential derived = derive_credential(from_base64(kKey).value(), "dev-001");
  EXPECT_EQ(to_base64(derived.key), "SV+2SImDP9Vx9XL3ACWx9N9ZFlb6ue3jKrTWmct/YVk=");
  const Login login = dps_login("0ne00000001", "dev-001", derived, 1893456000, "mcu-ota/1");
  EXPECT_THAT(login.user_name, HasSubstr("0ne00000001/registrations/dev-001/api-version="));
  EXPECT_THAT(login.password, HasSubstr("sig=3vdSZb%2BDSuYMpTwdH75ikkMg5RSjL1Kj%2FtTYFEa0PQ8%3D"));
  EXPECT_THAT(login.password, HasSubstr("skn=registration"));
}

TEST(Login, KeepsThePortInWhatIsSigned) {
  const Login login = hub_login("127.0.0.1:18883", "d", with_key(), 1893456000, "x");
  EXPECT_THAT(login.password, HasSubstr("sr=127.0.0.1%3A18883%2Fdevices%2Fd"));
  EXPECT_THAT(login.user_name, HasSubstr("127.0.0.1:18883/d/?"));
}

TEST(Login, SendsNoPasswordWithACertificate) {
  Credential credential;
  credential.cert_file = "device.pem";
  EXPECT_EQ(hub_login("hub", "d", credential, 1, "x").password, "");
  EXPECT_EQ(dps_login("scope", "d", credential, 1, "x").password, "");
}

}  // namespace
}  // namespace ota::net
