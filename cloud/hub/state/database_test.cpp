#include "cloud/hub/state/database.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

namespace ota::hub {
namespace {

class DatabaseFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "hub_state_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string file() const { return (folder_ / "state.sqlite").string(); }

  std::filesystem::path folder_;
};

constexpr std::array<std::string_view, 1> kSchema = {
    "CREATE TABLE note (id INTEGER PRIMARY KEY, words TEXT)"};

std::int64_t count(const Database& database) {
  return database.find_integer("SELECT COUNT(*) FROM note").value().value_or(-1);
}

TEST_F(DatabaseFile, KeepsCommittedRowsAcrossOpenings) {
  {
    auto database = Database::open(file());
    ASSERT_TRUE(database) << database.error().message;
    ASSERT_TRUE(database->migrate(kSchema));
    ASSERT_TRUE(database->execute("INSERT INTO note (words) VALUES (?1)", {"it's \"quoted\""}));
  }
  auto database = Database::open(file());
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->migrate(kSchema));
  auto rows = database->query("SELECT words FROM note");
  ASSERT_TRUE(rows);
  ASSERT_TRUE(rows->step().value());
  EXPECT_EQ(rows->text(0), "it's \"quoted\"");
  EXPECT_FALSE(rows->step().value());
}

TEST_F(DatabaseFile, KeepsCommittedRowsWhenTheProcessIsKilled) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto database = Database::open(file());
    const bool written =
        database && database->migrate(kSchema) &&
        database->execute("INSERT INTO note (words) VALUES ('acknowledged')").has_value();
    auto open_transaction = Transaction::begin(*database);
    const bool pending =
        database->execute("INSERT INTO note (words) VALUES ('pending')").has_value();
    if (written && pending) kill(getpid(), SIGKILL);
    _exit(1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  auto database = Database::open(file());
  ASSERT_TRUE(database) << database.error().message;
  EXPECT_EQ(count(*database), 1);
}

TEST_F(DatabaseFile, RefusesASecondHub) {
  auto first = Database::open(file());
  ASSERT_TRUE(first);
  auto second = Database::open(file());
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("another process"), std::string::npos)
      << second.error().message;
}

TEST_F(DatabaseFile, RefusesAFileOfANewerVersion) {
  auto database = Database::open(file());
  ASSERT_TRUE(database->migrate(kSchema));
  ASSERT_TRUE(database->run_script("PRAGMA user_version=7"));
  const auto result = database->migrate(kSchema);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("newer"), std::string::npos);
}

TEST_F(DatabaseFile, SaysThatAFileIsNoDatabase) {
  std::ofstream(file()) << std::string(4096, 'x');
  const auto database = Database::open(file());
  ASSERT_FALSE(database);
  EXPECT_NE(database.error().message.find("damaged"), std::string::npos)
      << database.error().message;
}

TEST_F(DatabaseFile, SaysThatTheFolderIsMissing) {
  const auto database = Database::open((folder_ / "absent" / "state.sqlite").string());
  ASSERT_FALSE(database);
  EXPECT_NE(database.error().message.find("absent"), std::string::npos);
}

TEST_F(DatabaseFile, ReportsAFullDiskAndKeepsWhatWasThere) {
  auto database = Database::open(file());
  ASSERT_TRUE(database->migrate(kSchema));
  ASSERT_TRUE(database->execute("INSERT INTO note (words) VALUES ('kept')"));
  // A page limit fails exactly as a full disk does: with SQLITE_FULL.
  ASSERT_TRUE(database->run_script("PRAGMA max_page_count=4"));
  {
    auto transaction = Transaction::begin(*database);
    ASSERT_TRUE(transaction);
    const auto result =
        database->execute("INSERT INTO note (words) VALUES (?1)", {std::string(100'000, 'x')});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, code::kServerError);
    EXPECT_NE(result.error().message.find("disk is full"), std::string::npos)
        << result.error().message;
  }
  EXPECT_EQ(count(*database), 1);
  EXPECT_TRUE(database->execute("UPDATE note SET words = 'also kept'"));
}

TEST(Database, UndoesWhatIsNotCommitted) {
  auto database = Database::open_in_memory();
  ASSERT_TRUE(database->migrate(kSchema));
  {
    auto transaction = Transaction::begin(*database);
    ASSERT_TRUE(database->execute("INSERT INTO note (words) VALUES ('a')"));
  }
  EXPECT_EQ(count(*database), 0);
  auto transaction = Transaction::begin(*database);
  ASSERT_TRUE(database->execute("INSERT INTO note (words) VALUES ('a')"));
  ASSERT_TRUE(transaction->commit());
  EXPECT_EQ(count(*database), 1);
}

TEST(Database, LetsTheSameStatementRunWithinItself) {
  auto database = Database::open_in_memory();
  ASSERT_TRUE(database->migrate(kSchema));
  ASSERT_TRUE(database->execute("INSERT INTO note (words) VALUES ('a'), ('b')"));
  constexpr std::string_view kText = "SELECT words FROM note ORDER BY id";
  auto outer = database->query(kText);
  ASSERT_TRUE(outer->step().value());
  auto inner = database->query(kText);
  ASSERT_TRUE(inner->step().value());
  ASSERT_TRUE(inner->step().value());
  EXPECT_EQ(inner->text(0), "b");
  EXPECT_EQ(outer->text(0), "a");
}

TEST(Database, GivesAReusedStatementNothingOfItsLastUse) {
  auto database = Database::open_in_memory();
  constexpr std::string_view kText = "SELECT ?1";
  {
    auto first = database->query(kText, {"left over"});
    ASSERT_TRUE(first->step().value());
  }
  auto second = database->query(kText, {nullptr});
  ASSERT_TRUE(second->step().value());
  EXPECT_TRUE(second->is_null(0));
  EXPECT_FALSE(second->step().value());
}

TEST(Database, KeepsABoundedNumberOfStatements) {
  auto database = Database::open_in_memory();
  for (std::size_t i = 0; i < 2 * StatementCache::kIdleMax; ++i) {
    EXPECT_EQ(database->find_integer("SELECT " + std::to_string(i)).value(), i);
  }
  EXPECT_EQ(database->idle_statements(), StatementCache::kIdleMax);
}

TEST(Database, KeepsNullsNumbersAndEmbeddedZeros) {
  auto database = Database::open_in_memory();
  const std::string zero("a\0b", 3);
  auto rows = database->query("SELECT ?1, ?2, ?3, ?4",
                              {nullptr, std::int64_t{1} << 40, zero, std::optional<std::string>{}});
  ASSERT_TRUE(rows->step().value());
  EXPECT_TRUE(rows->is_null(0));
  EXPECT_EQ(rows->integer(1), std::int64_t{1} << 40);
  EXPECT_EQ(rows->text(2), zero);
  EXPECT_EQ(rows->optional_text(3), std::nullopt);
}

}  // namespace
}  // namespace ota::hub
