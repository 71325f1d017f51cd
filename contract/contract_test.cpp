#include <gtest/gtest.h>

#include <set>
#include <string>

#include "contract/offer.hpp"
#include "contract/status.hpp"

namespace ota::contract {
namespace {

TEST(Contract, EveryCodeHasItsOwnText) {
  std::set<std::string> texts;
  for (std::uint8_t i = 0; i < kCodeCount; ++i) texts.emplace(to_text(static_cast<Code>(i)));
  EXPECT_EQ(texts.size(), kCodeCount);
  EXPECT_EQ(texts.count("unknown"), 0U);
  EXPECT_EQ(to_text(static_cast<Code>(kCodeCount)), "unknown");
}

TEST(Contract, CodesThatOtherToolsReadKeepTheirTexts) {
  EXPECT_EQ(to_text(Code::RolledBack), "rolled_back");
  EXPECT_EQ(to_text(Code::SasExpired), "sas_expired");
  EXPECT_EQ(to_text(Code::InsecureUrl), "insecure_url");
  EXPECT_EQ(to_text(Code::McuSilent), "mcu_silent");
  EXPECT_EQ(to_text(Phase::RollingBack), "rolling_back");
}

TEST(Contract, AnotherAttemptIsAnotherIdentity) {
  Offer offer;
  offer.version = 3;
  Offer retried = offer;
  retried.attempt = 1;
  EXPECT_NE(offer.identity(), retried.identity());
  retried.attempt = 0;
  retried.sas = "se=2030&sig=new";
  EXPECT_EQ(offer.identity(), retried.identity());
}

}  // namespace
}  // namespace ota::contract
