#pragma once

// JSON form of a report: the value of the reported property `extFwInfo`.

#include <optional>
#include <string>
#include <string_view>

#include "contract/status.hpp"

namespace ota::contract {

/// The patch for the reported section: {"extFwInfo":{...}}. `since` is ISO 8601 UTC, or empty while
/// the clock is not set.
std::string encode_report_patch(const Report& report, std::string_view since);

/// What an operator's tool reads of a device's reported `extFwInfo`; unknown words stay as texts,
/// absent ones are empty.
struct ReportView {
  std::string status, error, phase, code, detail, since;
  std::optional<std::uint32_t> version, target, attempt, progress_percent;
};

/// Reads the value of `extFwInfo` tolerantly: a member of a wrong type counts as absent.
ReportView parse_report(std::string_view json);

}  // namespace ota::contract
