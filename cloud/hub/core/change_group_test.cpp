#include "cloud/hub/core/change_group.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "cloud/hub/core/test_hub.hpp"

namespace ota::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A group over a table of words, and a diary of what is answered and told.
class ChangeGroupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(database_.run_script("CREATE TABLE note (words TEXT NOT NULL)"));
    links_.add("dev-1", device_);
  }

  Outcome<std::string> write(const std::string& words) const {
    OTA_TRY(database_.execute("INSERT INTO note VALUES (?1)", {words}));
    return words;
  }
  /// Writes the words and tells the device.
  void add(const std::string& words) {
    add(words, [this, words](Notices& notices) {
      notices.desired_patch("dev-1", 7, words);
      return write(words);
    });
  }
  void add(const std::string& words, std::function<Outcome<std::string>(Notices&)> apply) {
    group_.add<std::string>(words.size(), std::move(apply), [this](Outcome<std::string> outcome) {
      diary_.push_back(outcome ? outcome.value() : "failed: " + outcome.error().message);
    });
  }
  std::string stored() const {
    auto row = database_.query("SELECT group_concat(words, ' ') FROM note");
    EXPECT_TRUE(row && row->step());
    return row->text(0);
  }

  std::vector<std::string> diary_;
  RecordingLink device_;
  Database database_ = Database::open_in_memory().value();
  Events events_{[] { return 1'800'000'000; }};
  Links links_{events_};
  int asked_ = 0;  // how often a commit was asked for
  ChangeGroup group_{database_, links_, [this] { ++asked_; }};
};

TEST_F(ChangeGroupTest, AnswersAndTellsDevicesOnlyAtTheCommit) {
  add("a");
  add("b");
  EXPECT_EQ(asked_, 1);
  EXPECT_THAT(diary_, IsEmpty());
  EXPECT_THAT(device_.patches, IsEmpty());
  group_.commit();
  EXPECT_THAT(diary_, ElementsAre("a", "b"));
  EXPECT_THAT(device_.patches, ElementsAre("a", "b"));
  EXPECT_EQ(stored(), "a b");
  add("c");
  EXPECT_EQ(asked_, 2);
}

TEST_F(ChangeGroupTest, UndoesAChangeThatFailsAndKeepsTheOthers) {
  add("a");
  add("b", [this](Notices& notices) -> Outcome<std::string> {
    notices.desired_patch("dev-1", 7, "b");
    OTA_TRY(write("half"));
    return Failure{code::kArgumentInvalid, "no such thing"};
  });
  add("c");
  group_.commit();
  EXPECT_THAT(diary_, ElementsAre("a", "failed: no such thing", "c"));
  EXPECT_THAT(device_.patches, ElementsAre("a", "c"));
  EXPECT_EQ(stored(), "a c");
}

TEST_F(ChangeGroupTest, AnExceptionCostsOneChange) {
  add("a", [this](Notices&) -> Outcome<std::string> {
    (void)write("half");
    throw std::runtime_error("thrown");
  });
  add("b");
  group_.commit();
  EXPECT_THAT(diary_, ElementsAre("failed: unexpected: thrown", "b"));
  EXPECT_EQ(stored(), "b");
}

TEST_F(ChangeGroupTest, OnAFullDiskWhatIsSaidIsWhatIsStored) {
  add("kept");
  group_.commit();
  // A page limit fails exactly as a full disk does.
  ASSERT_TRUE(database_.run_script("PRAGMA max_page_count=3"));
  device_.patches.clear();
  diary_.clear();
  add("small");
  add(std::string(100'000, 'x'), [this](Notices&) { return write(std::string(100'000, 'x')); });
  group_.commit();
  EXPECT_THAT(diary_.at(1), HasSubstr("disk is full"));
  EXPECT_FALSE(database_.in_transaction());
  // Whether the small one fitted is SQLite's affair; what was said of it is what is stored.
  const bool fitted = diary_.at(0) == "small";
  EXPECT_EQ(stored(), fitted ? "kept small" : "kept");
  EXPECT_EQ(device_.patches.size(), fitted ? 1U : 0U);
}

TEST_F(ChangeGroupTest, ACommitThatFailsFailsEveryChangeInIt) {
  // A constraint that is looked at only by COMMIT.
  ASSERT_TRUE(database_.run_script(
      "CREATE TABLE parent (id INTEGER PRIMARY KEY);"
      "CREATE TABLE child (of INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)"));
  add("a");
  add("b", [this](Notices& notices) -> Outcome<std::string> {
    notices.desired_patch("dev-1", 7, "b");
    OTA_TRY(database_.execute("INSERT INTO child VALUES (1)"));
    return std::string("b");
  });
  group_.commit();
  EXPECT_THAT(diary_, ElementsAre(HasSubstr("failed"), HasSubstr("failed")));
  EXPECT_THAT(device_.patches, IsEmpty());
  EXPECT_EQ(stored(), "");
  EXPECT_FALSE(database_.in_transaction());
  add("c");
  group_.commit();
  EXPECT_EQ(stored(), "c");
}

TEST_F(ChangeGroupTest, DoesNotWaitWhenThereIsMuch) {
  for (std::size_t i = 0; i < kGroupChangesMax; ++i) add("a");
  EXPECT_EQ(diary_.size(), kGroupChangesMax);
  add("b");
  EXPECT_EQ(group_.waiting(), 1U);
  add(std::string(kGroupBytesMax, 'x'));
  EXPECT_EQ(group_.waiting(), 0U);
}

TEST_F(ChangeGroupTest, AnAnswerMayLeadToTheNextChange) {
  group_.add<std::string>(
      1, [this](Notices&) { return write("a"); }, [this](Outcome<std::string>) { add("b"); });
  group_.commit();
  EXPECT_THAT(diary_, ElementsAre("b"));
  EXPECT_EQ(stored(), "a b");
}

}  // namespace
}  // namespace ota::hub
