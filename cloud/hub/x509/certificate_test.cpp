#include "cloud/hub/x509/certificate.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "cloud/hub/x509/x509_test_authority.hpp"

namespace ota::hub {
namespace {

constexpr contract::UnixSeconds kNow = 1893456000;
constexpr contract::UnixSeconds kTwoDays = 2 * 86400;

TEST(Certificate, IsReadAsPemAndBase64) {
  const TestIdentity made = test_identity("device-1", TestRole::Leaf, kNow);
  const std::string der = made.der();
  EXPECT_EQ(certificate_der(made.pem()), der);
  EXPECT_EQ(certificate_der(made.pem() + test_identity("b", TestRole::Leaf, kNow).pem()), der);
  EXPECT_EQ(certificate_der(to_base64(bytes_of(der))), der);
  EXPECT_EQ(certificate_der(to_base64(bytes_of(made.pem()))), der);
}

TEST(Certificate, SaysWhoseItIsAndHowLong) {
  const TestIdentity authority = test_identity("factory", TestRole::Authority, kNow);
  const auto facts =
      read_certificate(test_identity("device-1", TestRole::Leaf, kNow, &authority).der());
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->common_name, "device-1");
  EXPECT_EQ(facts->subject_name, "CN=device-1");
  EXPECT_EQ(facts->issuer_name, "CN=factory");
  EXPECT_EQ(facts->sha1_thumbprint.size(), 40U);
  EXPECT_EQ(facts->sha256_thumbprint.size(), 64U);
  EXPECT_EQ(facts->not_after - facts->not_before, kTwoDays);
  EXPECT_EQ(facts->version, 3);
}

TEST(Certificate, IsNothingElse) {
  const std::string der = test_identity("device-1", TestRole::Leaf, kNow).der();
  EXPECT_FALSE(read_certificate(der + "x"));
  EXPECT_FALSE(read_certificate(der.substr(0, der.size() - 1)));
  for (const char* text : {"", "AAEC", "!", "-----BEGIN CERTIFICATE-----",
                           "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----"}) {
    EXPECT_FALSE(certificate_der(text)) << text;
  }
  EXPECT_FALSE(certificate_der(std::string(4 * kCertificateBytesMax, 'A')));
}

TEST(CertificateChain, LeadsToWhoSignedIt) {
  const TestIdentity root = test_identity("root", TestRole::Authority, kNow);
  const TestIdentity factory = test_identity("factory", TestRole::Authority, kNow, &root);
  const TestIdentity device = test_identity("device-1", TestRole::Leaf, kNow, &factory);
  EXPECT_TRUE(leads_to({device.der(), factory.der()}, root.der(), kNow));
  EXPECT_TRUE(leads_to({device.der(), factory.der(), root.der()}, root.der(), kNow));
  EXPECT_TRUE(leads_to({device.der()}, factory.der(), kNow));  // An intermediate is enough.
  EXPECT_FALSE(leads_to({device.der()}, root.der(), kNow));    // The link between is missing.
}

TEST(CertificateChain, DoesNotLeadWhereNobodySigned) {
  const TestIdentity root = test_identity("root", TestRole::Authority, kNow);
  const TestIdentity stranger = test_identity("root", TestRole::Authority, kNow);  // Same name.
  const TestIdentity device = test_identity("device-1", TestRole::Leaf, kNow, &stranger);
  EXPECT_FALSE(leads_to({device.der()}, root.der(), kNow));
  EXPECT_FALSE(leads_to({device.der(), root.der()}, root.der(), kNow));
  EXPECT_FALSE(leads_to({root.der()}, root.der(), kNow));  // Its own certificate signs nothing.
  EXPECT_FALSE(leads_to({}, root.der(), kNow));
  EXPECT_FALSE(leads_to({"x"}, root.der(), kNow));
}

TEST(CertificateChain, NeedsAuthoritiesBetweenAndValidDates) {
  const TestIdentity root = test_identity("root", TestRole::Authority, kNow);
  const TestIdentity device = test_identity("device-1", TestRole::Leaf, kNow, &root);
  const TestIdentity forged = test_identity("device-2", TestRole::Leaf, kNow, &device);
  EXPECT_FALSE(leads_to({forged.der(), device.der()}, root.der(), kNow));
  EXPECT_TRUE(leads_to({device.der()}, root.der(), kNow));
  EXPECT_FALSE(leads_to({device.der()}, root.der(), kNow + kTwoDays));
  EXPECT_FALSE(leads_to({device.der()}, root.der(), kNow - kTwoDays));
}

}  // namespace
}  // namespace ota::hub
