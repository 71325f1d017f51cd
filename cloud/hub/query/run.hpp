#pragma once

// Queries against the hub's database, page by page.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/hub/state/database.hpp"

namespace ota::hub::query {

inline constexpr std::int64_t kPageRowsMax = 1000;

struct PageRequest {
  std::string_view text;
  std::int64_t rows_max = 100;                   // 1 .. kPageRowsMax
  std::optional<std::string_view> continuation;  // of the page before
};

enum class RowKind : std::uint8_t { Twin, Raw, DeviceJob };

struct Page {
  RowKind kind = RowKind::Raw;  // Twin: the items are device ids; otherwise JSON texts of rows
  std::vector<std::string> items;
  std::optional<std::string> continuation;  // absent: this was the last page
};

/// Errors: ArgumentInvalid (syntax with position, foreign continuation token).
Outcome<Page> run(const Database& database, const PageRequest& request);

/// The number of rows of the whole result: the value of a metric.
Outcome<std::int64_t> count_rows(const Database& database, std::string_view text);

/// Nothing if the query is well-formed, otherwise the sentence that says what is wrong.
std::optional<std::string> problem_of(std::string_view text);

}  // namespace ota::hub::query
