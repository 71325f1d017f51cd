#include "cloud/hub/query/run.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "cloud/hub/query/compiler.hpp"
#include "cloud/hub/query/syntax.hpp"
#include "cloud/hub/twin/json_text.hpp"

namespace ota::hub::query {

namespace {

struct Compiled {
  Parameters parameters;
  Projection projection;
  std::string where;
  std::string from = "device AS d";
  std::string key = "d.device_id";  // orders the rows, and tells where a page ended
};

Outcome<Compiled> compile(const Query& query) {
  if (query.items.empty() && !query.group_by.empty()) {
    return Failure{code::kArgumentInvalid,
                   "SELECT * cannot be grouped; select the paths of GROUP BY"};
  }
  if (query.source == Source::Jobs && (!query.items.empty() || !query.group_by.empty())) {
    return Failure{code::kArgumentInvalid,
                   "of devices.jobs only SELECT * can be asked, without groups"};
  }
  Compiled compiled;
  if (query.source == Source::Jobs) {
    compiled.from = "device_job AS j JOIN job AS b ON b.job_id = j.job_id";
    compiled.key = "j.sequence";
  }
  OTA_TRY(compiled.projection, compile_projection(query, compiled.parameters));
  compiled.where = "1";
  if (query.where) {
    OTA_TRY(compiled.where, compile_condition(*query.where, compiled.parameters, query.source));
  }
  // Modules do not exist in this hub, so a query over them has no rows.
  if (query.source == Source::Modules) compiled.where = "0 AND " + compiled.where;
  return compiled;
}

/// Where a page ended. The text says which query it belongs to, so that it works after a restart
/// and with no other query.
struct Cursor {
  std::int64_t served = 0;  // rows so far
  std::string key;          // of the last row; unused for groups
};

std::string hash_of(std::string_view text) { return to_hex(sha256(bytes_of(text))).substr(0, 16); }

std::string encode(const Cursor& cursor, std::string_view text) {
  return to_base64(
      bytes_of(hash_of(text) + ":" + std::to_string(cursor.served) + ":" + cursor.key));
}

Outcome<Cursor> decode(std::string_view token, std::string_view text) {
  const Failure foreign{code::kArgumentInvalid,
                        "the continuation token does not belong to this query"};
  const auto bytes = from_base64(token);
  if (!bytes) return foreign;
  const std::string_view content = text_of(*bytes);
  const std::string prefix = hash_of(text) + ":";
  if (content.substr(0, prefix.size()) != prefix) return foreign;
  const std::string_view rest = content.substr(prefix.size());
  Cursor cursor;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), cursor.served);
  const auto digits = static_cast<std::size_t>(end - rest.data());
  if (error != std::errc{} || cursor.served < 0 || digits >= rest.size() || rest[digits] != ':')
    return foreign;
  cursor.key = rest.substr(digits + 1);
  return cursor;
}

std::string list_of(const std::vector<std::string>& parts) {
  std::string list;
  for (const std::string& part : parts) list += (list.empty() ? "" : ", ") + part;
  return list;
}

/// The statement of one page; its last column is the key.
std::string page_sql(Compiled& compiled, const Cursor& cursor, std::int64_t rows) {
  const Projection& projection = compiled.projection;
  std::string columns = list_of(projection.columns);
  if (!columns.empty()) columns += ", ";
  if (projection.aggregates) {
    const std::string groups = list_of(projection.group_by);
    const std::string grouping =
        groups.empty() ? "" : " GROUP BY " + groups + " ORDER BY " + groups;
    return "SELECT " + columns + "'' FROM " + compiled.from + " WHERE " + compiled.where +
           grouping + " LIMIT " + compiled.parameters.add(rows) + " OFFSET " +
           compiled.parameters.add(cursor.served);
  }
  // A bound text takes the column's affinity in a comparison, so numbers compare as numbers.
  return "SELECT " + columns + compiled.key + " FROM " + compiled.from + " WHERE " +
         compiled.where + " AND " + compiled.key + " > " + compiled.parameters.add(cursor.key) +
         " ORDER BY " + compiled.key + " LIMIT " + compiled.parameters.add(rows);
}

std::string row_text(const Projection& projection, const Statement& row) {
  std::string text = "{";
  for (std::size_t i = 0; i < projection.members.size(); ++i) {
    const int column = static_cast<int>(i);
    if (row.is_null(column)) continue;
    if (text.size() > 1) text += ',';
    text += json_to_text(projection.members[i]) + ":" + row.text(column);
  }
  return text + "}";
}

RowKind kind_of(const Query& query) {
  if (query.source == Source::Jobs) return RowKind::DeviceJob;
  return query.items.empty() ? RowKind::Twin : RowKind::Raw;
}

}  // namespace

Outcome<Page> run(const Database& database, const PageRequest& request) {
  OTA_TRY(const auto query, parse_query(request.text));
  OTA_TRY(auto compiled, compile(query));
  Cursor cursor{.served = 0, .key = query.source == Source::Jobs ? "0" : ""};
  if (request.continuation) {
    OTA_TRY(cursor, decode(*request.continuation, request.text));
  }
  std::int64_t wanted = std::clamp<std::int64_t>(request.rows_max, 1, kPageRowsMax);
  if (query.top > 0) wanted = std::min(wanted, query.top - std::min(query.top, cursor.served));
  // One row more than wanted tells whether there is another page.
  const std::string sql = page_sql(compiled, cursor, wanted + 1);
  OTA_TRY(auto row, database.query(sql, compiled.parameters.values()));
  Page page;
  page.kind = kind_of(query);
  const int key_column = static_cast<int>(compiled.projection.columns.size());
  for (;;) {
    OTA_TRY(const bool more, row.step());
    if (!more) return page;
    if (std::ssize(page.items) == wanted) break;
    cursor.key = row.text(key_column);
    ++cursor.served;
    page.items.push_back(page.kind == RowKind::Twin ? cursor.key
                                                    : row_text(compiled.projection, row));
  }
  if (query.top == 0 || cursor.served < query.top) page.continuation = encode(cursor, request.text);
  return page;
}

Outcome<std::int64_t> count_rows(const Database& database, std::string_view text) {
  OTA_TRY(const auto query, parse_query(text));
  OTA_TRY(auto compiled, compile(query));
  const std::string groups = list_of(compiled.projection.group_by);
  const bool one_row = compiled.projection.aggregates && groups.empty();
  const std::string rows = "SELECT 1 FROM " + compiled.from + " WHERE " + compiled.where +
                           (groups.empty() ? "" : " GROUP BY " + groups) +
                           (query.top > 0 ? " LIMIT " + std::to_string(query.top) : "");
  if (one_row) return std::int64_t{1};
  OTA_TRY(const auto count, database.find_integer("SELECT COUNT(*) FROM (" + rows + ")",
                                                  compiled.parameters.values()));
  return count.value_or(0);
}

std::optional<std::string> problem_of(std::string_view text) {
  const auto query = parse_query(text);
  if (!query) return query.error().message;
  const auto compiled = compile(query.value());
  if (!compiled) return compiled.error().message;
  return std::nullopt;
}

}  // namespace ota::hub::query
