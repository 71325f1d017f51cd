#include "cloud/hub/net/certificates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "cloud/hub/files/durable_file.hpp"
#include "cloud/hub/files/scratch_directory.hpp"
#include "cloud/hub/x509/openssl_ptr.hpp"

namespace ota::hub {
namespace {

constexpr contract::UnixSeconds kNow = 1'800'000'000;
constexpr contract::UnixSeconds kDay = 24 * 60 * 60;

ossl::Certificate load(const std::string& path) {
  const std::string pem = read_file(path).value();
  const ossl::Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return ossl::Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

struct Rig {
  ScratchDirectory scratch;

  CertificateFiles ensure(const std::vector<std::string>& names, contract::UnixSeconds now = kNow) {
    const auto files = ensure_certificates(scratch.path() + "/tls", names, now);
    EXPECT_TRUE(files) << files.error();
    return files.value();
  }
};

TEST(Certificates, CarryEveryName) {
  Rig rig;
  const CertificateFiles files = rig.ensure({"localhost", "127.0.0.1", "::1", "hub.example"});
  const ossl::Certificate server = load(files.certificate);
  EXPECT_EQ(X509_check_host(server.get(), "localhost", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(server.get(), "hub.example", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_ip_asc(server.get(), "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(server.get(), "::1", 0), 1);
  EXPECT_EQ(X509_check_host(server.get(), "other.example", 0, 0, nullptr), 0);
}

TEST(Certificates, LeadToTheAuthority) {
  Rig rig;
  const CertificateFiles files = rig.ensure({"localhost"});
  const ossl::Certificate authority = load(files.authority);
  const ossl::Certificate server = load(files.certificate);
  EXPECT_EQ(X509_check_issued(authority.get(), server.get()), X509_V_OK);
  EXPECT_EQ(X509_check_ca(authority.get()), 1);
  EXPECT_EQ(X509_check_ca(server.get()), 0);
}

TEST(Certificates, KeepKeysFromOthers) {
  Rig rig;
  const CertificateFiles files = rig.ensure({"localhost"});
  for (const std::string& key : {files.key, rig.scratch.path() + "/tls/ca.key"}) {
    struct stat status {};
    ASSERT_EQ(::stat(key.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << key;
  }
}

TEST(Certificates, StayTheSameWhileTheyFit) {
  Rig rig;
  const std::string first = read_file(rig.ensure({"localhost"}).certificate).value();
  EXPECT_EQ(read_file(rig.ensure({"localhost"}, kNow + 300 * kDay).certificate).value(), first);
}

TEST(Certificates, AreIssuedAgainWhenNamesChangeOrTheEndIsNear) {
  Rig rig;
  const CertificateFiles files = rig.ensure({"localhost"});
  const std::string authority = read_file(files.authority).value();
  const std::string first = read_file(files.certificate).value();
  rig.ensure({"localhost", "10.0.0.1"});
  const std::string second = read_file(files.certificate).value();
  EXPECT_NE(second, first);
  rig.ensure({"localhost", "10.0.0.1"}, kNow + (kServerDays - kReissueDaysBefore + 1) * kDay);
  EXPECT_NE(read_file(files.certificate).value(), second);
  EXPECT_EQ(read_file(files.authority).value(), authority);
}

TEST(Certificates, AreIssuedAgainWhenKeyAndCertificateDiffer) {
  Rig rig;
  const CertificateFiles files = rig.ensure({"localhost"});
  const std::string first = read_file(files.certificate).value();
  ASSERT_TRUE(
      write_durably(files.key, read_file(rig.scratch.path() + "/tls/ca.key").value(), 0600));
  rig.ensure({"localhost"});
  EXPECT_NE(read_file(files.certificate).value(), first);
}

TEST(Certificates, NameEveryHostOnce) {
  const auto names = server_names({"hub.example", "127.0.0.1", "hub.example"});
  EXPECT_THAT(names, ::testing::IsSupersetOf({"localhost", "127.0.0.1", "::1", "hub.example"}));
  EXPECT_EQ(std::count(names.begin(), names.end(), "hub.example"), 1);
  EXPECT_EQ(std::count(names.begin(), names.end(), "127.0.0.1"), 1);
}

}  // namespace
}  // namespace ota::hub
