#pragma once

// What people and programs see. Results go to standard output, everything else to standard error.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/context.hpp"

namespace ota::cli {

/// Version of the JSON that the verbs print; it grows when a member changes its meaning.
inline constexpr int kJsonSchema = 1;

/// Why a verb did not reach its goal.
struct Problem {
  ExitCode exit_code = ExitCode::Failed;
  std::string code = {};     // stable word for programs, "hub_unreachable"
  std::string message = {};  // one sentence: what, why, what to do
  std::optional<int> retry_after_s = {};
  std::string request_id = {};  // of the request that the service refused
};

/// A command line that cannot be used.
Problem usage_problem(std::string message);

/// Says why on standard error, for JSON also as an object on standard output. Returns the exit
/// code.
ExitCode report(const Context& context, const Problem& problem);

/// Rows under a heading, columns as wide as their longest text. Colours never carry meaning alone.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) : rows_{std::move(heading)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// Writes what is left of the output. Failed if it does not fit, as on a full disk; a reader who
/// has seen enough (`| head`) changes nothing.
ExitCode finish_output(ExitCode code);

/// Whether standard error is a terminal that a person looks at.
bool stderr_is_terminal();

/// Text without control characters: what a device reports must not steer the terminal.
std::string printable(std::string_view text);

}  // namespace ota::cli
