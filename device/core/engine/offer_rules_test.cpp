#include "device/core/engine/offer_rules.hpp"

#include <gtest/gtest.h>

namespace ota::engine {
namespace {

using contract::Code;

const Digest kHash = sha256(bytes_of("abc"));

class OfferRules : public ::testing::Test {
 protected:
  OfferRules() {
    offer_.version = 7;
    offer_.size_bytes = 1000;
    offer_.sha256 = kHash;
    offer_.url = "https://a.blob/fw/pump/7/ba7816bf8f01cfea-app.bin";
    offer_.product = "pump";
    offer_.mcu_version = "7";
    journal_.mcu_version = 5;
    journal_.mcu_version_text = "5";
  }
  OfferJudgement judge() const { return judge_offer(offer_, journal_, facts_); }

  contract::Offer offer_;
  store::Journal journal_;
  DeviceFacts facts_{.product = "pump", .candidate_bytes_max = 8'000'000};
};

TEST_F(OfferRules, TakesANewerVersion) { EXPECT_EQ(judge().verdict, OfferVerdict::Accept); }

TEST_F(OfferRules, RefusesAnotherProduct) {
  offer_.product = "valve";
  EXPECT_EQ(judge(), (OfferJudgement{OfferVerdict::Refuse, Code::WrongProduct}));
}

TEST_F(OfferRules, TakesAnOfferThatNamesNoProductAsThePublicSampleSendsIt) {
  offer_.product = "";
  EXPECT_EQ(judge().verdict, OfferVerdict::Accept);
}

TEST_F(OfferRules, RefusesTheUrlOfOneReleaseWithTheKeysOfAnother) {
  offer_.url = "https://a.blob/fw/pump/6/ba7816bf8f01cfea-app.bin";
  EXPECT_EQ(judge(), (OfferJudgement{OfferVerdict::Refuse, Code::BadOffer}));
}

TEST_F(OfferRules, RefusesAnImageThatDoesNotFit) {
  offer_.size_bytes = 8'000'001;
  EXPECT_EQ(judge(), (OfferJudgement{OfferVerdict::Refuse, Code::TooLarge}));
}

TEST_F(OfferRules, IgnoresAVersionBelowTheKeptImageWhileTheMcuIsUnknown) {
  journal_.mcu_version = 0;
  journal_.mcu_version_text = {};
  facts_.current = CurrentImage{.version = 8, .sha256 = {}};
  EXPECT_EQ(judge(), (OfferJudgement{OfferVerdict::Older, Code::OlderIgnored}));
}

TEST_F(OfferRules, IgnoresAnOlderVersion) {
  journal_.mcu_version = 8;
  EXPECT_EQ(judge(), (OfferJudgement{OfferVerdict::Older, Code::OlderIgnored}));
}

TEST_F(OfferRules, AnswersForTheImageThatRunsAlready) {
  journal_.mcu_version = 7;
  facts_.current = CurrentImage{.version = 7, .sha256 = kHash};
  EXPECT_EQ(judge().verdict, OfferVerdict::RunsAlready);
}

TEST_F(OfferRules, TakesOtherContentUnderTheSameVersion) {
  journal_.mcu_version = 7;
  facts_.current = CurrentImage{.version = 7, .sha256 = sha256(bytes_of("other"))};
  EXPECT_EQ(judge().verdict, OfferVerdict::Accept);
}

TEST_F(OfferRules, DoesNotProgramAgainOnlyBecauseTheFlashLostItsImages) {
  journal_.mcu_version = 7;
  journal_.mcu_version_text = "7";
  EXPECT_EQ(judge().verdict, OfferVerdict::RunsAlready);
}

TEST_F(OfferRules, RemembersAFinalFailureUntilTheAttemptIsRaised) {
  journal_.refusal = {.identity = offer_.identity(), .code = Code::RolledBack};
  EXPECT_EQ(judge(), (OfferJudgement{OfferVerdict::Remembered, Code::RolledBack}));
  offer_.attempt = 1;
  EXPECT_EQ(judge().verdict, OfferVerdict::Accept);
}

TEST_F(OfferRules, KnowsTheWorkInHand) {
  journal_.phase = contract::Phase::Waiting;
  journal_.target = target_of(offer_);
  EXPECT_EQ(judge().verdict, OfferVerdict::InHand);
}

}  // namespace
}  // namespace ota::engine
