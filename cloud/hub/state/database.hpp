#pragma once

// The hub's durable state: a thin layer over SQLite whose failures (disk full, input/output,
// locked) are values.
//
// Write-ahead log with synchronous=NORMAL: a commit is in the operating system's hands before it is
// acknowledged, so it survives a killed process; only a power cut of the machine may lose the last
// commits, and never the file's integrity. synchronous=FULL would add a disk flush of milliseconds
// to each twin update.

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "cloud/hub/state/failure.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace ota::hub {

/// A parameter of a statement. Values always travel as parameters, never inside the SQL text.
class Value {
 public:
  Value(std::nullptr_t) {}                             // NOLINT(google-explicit-constructor)
  Value(std::int64_t number) : value_(number) {}       // NOLINT(google-explicit-constructor)
  Value(int number) : value_(std::int64_t{number}) {}  // NOLINT(google-explicit-constructor)
  Value(std::uint64_t number)
      : value_(static_cast<std::int64_t>(number)) {}        // NOLINT(google-explicit-constructor)
  Value(bool flag) : value_(std::int64_t{flag ? 1 : 0}) {}  // NOLINT(google-explicit-constructor)
  Value(double number) : value_(number) {}                  // NOLINT(google-explicit-constructor)
  Value(std::string text) : value_(std::move(text)) {}      // NOLINT(google-explicit-constructor)
  Value(std::string_view text)
      : value_(std::string(text)) {}                      // NOLINT(google-explicit-constructor)
  Value(const char* text) : value_(std::string(text)) {}  // NOLINT(google-explicit-constructor)
  Value(const std::optional<std::string>& text) {         // NOLINT(google-explicit-constructor)
    if (text) value_ = *text;
  }

 private:
  friend class Statement;
  std::variant<std::monostate, std::int64_t, double, std::string> value_;
};

using Values = std::vector<Value>;

/// The values of one call, where the caller has them: a list in braces is not copied.
class ValueList {
 public:
  ValueList() = default;
  ValueList(std::initializer_list<Value> list)  // NOLINT(google-explicit-constructor)
      : values_(list.begin(), list.size()) {}
  ValueList(const Values& values) : values_(values) {}  // NOLINT(google-explicit-constructor)

  std::size_t size() const { return values_.size(); }
  std::span<const Value> first(std::size_t count) const { return values_.first(count); }

 private:
  std::span<const Value> values_;
};

/// What SQLite has done since the database was opened.
struct DatabaseFigures {
  std::uint64_t steps = 0;
  std::chrono::nanoseconds time{0};
};

/// Statements that were used and are not in use, ready for the next use of the same text: most of
/// the time of a small statement would go into its preparation.
class StatementCache {
 public:
  static constexpr std::size_t kIdleMax = 200;  // texts of queries by clients vary without end

  StatementCache() = default;
  StatementCache(const StatementCache&) = delete;
  StatementCache& operator=(const StatementCache&) = delete;
  ~StatementCache();

  /// Null if there is none of this text.
  sqlite3_stmt* take(std::string_view sql);
  /// Beyond the limit the one that was not used for the longest time goes.
  void give_back(sqlite3_stmt* statement);
  std::size_t size() const { return by_text_.size(); }

 private:
  using Recent = std::list<sqlite3_stmt*>;  // the last used one first
  Recent recent_;
  std::unordered_map<std::string_view, Recent::iterator> by_text_;  // each statement owns its text
};

/// A prepared statement. Lives no longer than its database.
class Statement {
 public:
  /// Moves to the next row; false after the last one.
  Outcome<bool> step();
  /// Starts again with other parameters.
  Outcome<Ok> bind(ValueList values) { return bind(values, Texts::Go); }
  /// Binds and runs to the end; for statements without rows that are repeated. Returns the number
  /// of rows that it changed.
  Outcome<std::int64_t> run(ValueList values);

  // The columns of the current row, from 0.
  bool is_null(int column) const;
  std::string text(int column) const;  // empty for NULL
  std::optional<std::string> optional_text(int column) const;
  std::int64_t integer(int column) const;

 private:
  friend class Database;
  struct GiveBack {
    StatementCache* cache;
    void operator()(sqlite3_stmt* statement) const { cache->give_back(statement); }
  };
  Statement(sqlite3* database, sqlite3_stmt* statement, StatementCache& cache,
            DatabaseFigures& figures)
      : database_(database), figures_(&figures), statement_(statement, GiveBack{&cache}) {}
  /// Whether the values stay where they are until the bindings are cleared.
  enum class Texts : std::uint8_t { Stay, Go };
  Outcome<Ok> bind(ValueList values, Texts texts);

  sqlite3* database_;
  DatabaseFigures* figures_;
  std::unique_ptr<sqlite3_stmt, GiveBack> statement_;
};

/// Not more than one thread at a time uses a database and its statements.
class Database {
 public:
  /// Opens or creates the file and takes it for this process alone: a second hub on it is refused.
  static Outcome<Database> open(const std::string& file);
  /// A database without a file, for tests.
  static Outcome<Database> open_in_memory();

  /// Brings the schema to version steps.size(): step i leads from version i to i + 1. A file of a
  /// newer version is refused.
  Outcome<Ok> migrate(std::span<const std::string_view> steps);

  /// A statement that waits for its values.
  Outcome<Statement> prepare(std::string_view sql) const;
  /// A statement that is ready to step.
  Outcome<Statement> query(std::string_view sql, ValueList values = {}) const;
  /// Runs a statement without rows. Returns the number of rows it changed.
  Outcome<std::int64_t> execute(std::string_view sql, ValueList values = {}) const;
  /// Runs several statements without parameters, separated by ';'.
  Outcome<Ok> run_script(std::string_view sql) const;
  const DatabaseFigures& figures() const { return *figures_; }
  /// Grows with every row that is written: two equal numbers mean that nothing changed between.
  std::int64_t change_count() const;
  bool in_transaction() const;
  /// Prepared statements that wait for their next use.
  std::size_t idle_statements() const { return statements_->size(); }
  /// The first column of the first row; nothing without a row.
  Outcome<std::optional<std::int64_t>> find_integer(std::string_view sql,
                                                    ValueList values = {}) const;

 private:
  friend class Transaction;
  struct Close {
    void operator()(sqlite3* database) const;
  };
  explicit Database(sqlite3* database) : database_(database) {}
  static Outcome<Database> open_with(const std::string& file, std::string_view pragmas);

  std::unique_ptr<sqlite3, Close> database_;
  std::unique_ptr<StatementCache> statements_ = std::make_unique<StatementCache>();
  std::unique_ptr<DatabaseFigures> figures_ = std::make_unique<DatabaseFigures>();
};

/// All or nothing: what is not committed is undone when the object goes. Transactions do not nest.
class Transaction {
 public:
  static Outcome<Transaction> begin(const Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  Outcome<Ok> commit();

 private:
  explicit Transaction(const Database& database) : database_(&database) {}
  const Database* database_;
};

}  // namespace ota::hub
