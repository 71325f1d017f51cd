#include "cloud/hub/state/database.hpp"

#include <sqlite3.h>

#include <utility>

namespace ota::hub {

namespace {

/// What SQLite has to say, with what a person can do about it.
Failure failure_of(sqlite3* database) {
  const int reason = sqlite3_errcode(database) & 0xFF;
  const char* name = sqlite3_db_filename(database, "main");
  const std::string file = name != nullptr && *name != '\0' ? name : "memory";
  const std::string words = sqlite3_errmsg(database);
  if (reason == SQLITE_FULL) {
    return {code::kServerError,
            "the hub's state (" + file + ") cannot grow: the disk is full; free some space", 0,
            true};
  }
  if (reason == SQLITE_BUSY || reason == SQLITE_LOCKED) {
    return {code::kServerError,
            "the hub's state (" + file + ") is in use by another process; stop the other hub"};
  }
  if (reason == SQLITE_NOTADB || reason == SQLITE_CORRUPT) {
    return {code::kServerError, "the hub's state (" + file + ") is damaged: " + words};
  }
  return {code::kServerError, "the hub's state (" + file + ") failed: " + words};
}

/// Adds the time of its life to the figures.
class Stopwatch {
 public:
  explicit Stopwatch(DatabaseFigures& figures)
      : figures_(figures), start_(std::chrono::steady_clock::now()) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() {
    ++figures_.steps;
    figures_.time += std::chrono::steady_clock::now() - start_;
  }

 private:
  DatabaseFigures& figures_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace

StatementCache::~StatementCache() {
  for (sqlite3_stmt* statement : recent_) sqlite3_finalize(statement);
}

sqlite3_stmt* StatementCache::take(std::string_view sql) {
  const auto found = by_text_.find(sql);
  if (found == by_text_.end()) return nullptr;
  sqlite3_stmt* statement = *found->second;
  recent_.erase(found->second);
  by_text_.erase(found);
  return statement;
}

void StatementCache::give_back(sqlite3_stmt* statement) {
  // An unfinished statement would keep its snapshot of the database; its values may be large.
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  const std::string_view text = sqlite3_sql(statement);
  if (by_text_.contains(text)) {
    sqlite3_finalize(statement);
    return;
  }
  recent_.push_front(statement);
  by_text_.emplace(text, recent_.begin());
  if (recent_.size() <= kIdleMax) return;
  by_text_.erase(sqlite3_sql(recent_.back()));
  sqlite3_finalize(recent_.back());
  recent_.pop_back();
}

Outcome<bool> Statement::step() {
  const Stopwatch watch(*figures_);
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return failure_of(database_);
}

Outcome<Ok> Statement::bind(ValueList values, Texts texts) {
  sqlite3_reset(statement_.get());
  const auto count = static_cast<std::size_t>(sqlite3_bind_parameter_count(statement_.get()));
  // Numbered parameters may be left over where a statement needs only some of them.
  OTA_ASSERT(values.size() >= count);
  int index = 0;
  for (const Value& value : values.first(count)) {
    ++index;
    int result = SQLITE_OK;
    if (const auto* number = std::get_if<std::int64_t>(&value.value_)) {
      result = sqlite3_bind_int64(statement_.get(), index, *number);
    } else if (const auto* real = std::get_if<double>(&value.value_)) {
      result = sqlite3_bind_double(statement_.get(), index, *real);
    } else if (const auto* text = std::get_if<std::string>(&value.value_)) {
      result =
          sqlite3_bind_text64(statement_.get(), index, text->data(), text->size(),
                              texts == Texts::Stay ? SQLITE_STATIC : SQLITE_TRANSIENT, SQLITE_UTF8);
    } else {
      result = sqlite3_bind_null(statement_.get(), index);
    }
    if (result != SQLITE_OK) return failure_of(database_);
  }
  return Ok{};
}

Outcome<std::int64_t> Statement::run(ValueList values) {
  OTA_TRY(bind(values, Texts::Stay));
  auto row = step();
  while (row && row.value()) row = step();
  const std::int64_t changed = sqlite3_changes64(database_);
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  if (!row) return row.error();
  return changed;
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::string Statement::text(int column) const {
  const auto* text = sqlite3_column_text(statement_.get(), column);
  if (text == nullptr) return {};
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return {reinterpret_cast<const char*>(text), size};
}

std::optional<std::string> Statement::optional_text(int column) const {
  if (is_null(column)) return std::nullopt;
  return text(column);
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

void Database::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

Outcome<Database> Database::open(const std::string& file) {
  return open_with(
      file,
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
      "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8192;"
      "BEGIN IMMEDIATE; COMMIT");
}

Outcome<Database> Database::open_in_memory() {
  return open_with(":memory:", "PRAGMA foreign_keys=ON");
}

Outcome<Database> Database::open_with(const std::string& file, std::string_view pragmas) {
  // Nobody reads SQLite's own counts of memory, and a lock for each of them is a twentieth of the
  // hub's work. Refused, without harm, when the library is in use already.
  static const int counts_off = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)counts_off;
  sqlite3* raw = nullptr;
  const int result =
      sqlite3_open_v2(file.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(raw);
  if (result != SQLITE_OK) {
    return Failure{code::kServerError,
                   "cannot open the hub's state " + file + ": " +
                       (raw != nullptr ? sqlite3_errmsg(raw) : "out of memory")};
  }
  // Room for a row of a device without asking malloc. What it cannot have it does without.
  constexpr int kSmallBytes = 4096;
  constexpr int kSmallCount = 64;
  sqlite3_db_config(raw, SQLITE_DBCONFIG_LOOKASIDE, nullptr, kSmallBytes, kSmallCount);
  OTA_TRY(database.run_script(pragmas));
  return database;
}

Outcome<Ok> Database::migrate(std::span<const std::string_view> steps) {
  OTA_TRY(const auto stored, find_integer("PRAGMA user_version"));
  const auto version = static_cast<std::size_t>(stored.value_or(0));
  if (version > steps.size()) {
    return Failure{code::kServerError, "the hub's state has version " + std::to_string(version) +
                                           ", this program knows versions up to " +
                                           std::to_string(steps.size()) + "; use a newer mcu-ota"};
  }
  for (std::size_t next = version; next < steps.size(); ++next) {
    OTA_TRY(auto transaction, Transaction::begin(*this));
    OTA_TRY(run_script(steps[next]));
    OTA_TRY(run_script("PRAGMA user_version=" + std::to_string(next + 1)));
    OTA_TRY(transaction.commit());
  }
  return Ok{};
}

Outcome<Statement> Database::query(std::string_view sql, ValueList values) const {
  OTA_TRY(auto statement, prepare(sql));
  OTA_TRY(statement.bind(values, Statement::Texts::Go));
  return statement;
}

Outcome<Statement> Database::prepare(std::string_view sql) const {
  sqlite3_stmt* raw = statements_->take(sql);
  if (raw == nullptr &&
      sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK) {
    return failure_of(database_.get());
  }
  return Statement(database_.get(), raw, *statements_, *figures_);
}

Outcome<std::int64_t> Database::execute(std::string_view sql, ValueList values) const {
  OTA_TRY(auto statement, prepare(sql));
  return statement.run(values);
}

Outcome<Ok> Database::run_script(std::string_view sql) const {
  const Stopwatch watch(*figures_);
  if (sqlite3_exec(database_.get(), std::string(sql).c_str(), nullptr, nullptr, nullptr) !=
      SQLITE_OK) {
    return failure_of(database_.get());
  }
  return Ok{};
}

std::int64_t Database::change_count() const { return sqlite3_total_changes64(database_.get()); }

bool Database::in_transaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }

Outcome<std::optional<std::int64_t>> Database::find_integer(std::string_view sql,
                                                            ValueList values) const {
  OTA_TRY(auto statement, query(sql, values));
  OTA_TRY(const bool row, statement.step());
  if (!row) return std::optional<std::int64_t>{};
  return std::optional<std::int64_t>{statement.integer(0)};
}

Outcome<Transaction> Transaction::begin(const Database& database) {
  OTA_TRY(database.execute("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::~Transaction() {
  // SQLite itself may have rolled back already, for example when the disk was full.
  if (database_ == nullptr || !database_->in_transaction()) return;
  // Nobody is left to hear of a failure here, and closing the database undoes the same changes.
  (void)database_->run_script("ROLLBACK");
}

Outcome<Ok> Transaction::commit() {
  OTA_TRY(database_->execute("COMMIT"));
  database_ = nullptr;
  return Ok{};
}

}  // namespace ota::hub
