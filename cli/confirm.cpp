#include "cli/confirm.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

namespace ota::cli {

void add_yes(CLI::App& verb, bool& confirmed) {
  verb.add_flag("-y,--yes", confirmed, "Do it without asking");
}

bool can_ask() { return ::isatty(STDIN_FILENO) == 1 && stderr_is_terminal(); }

std::optional<Problem> confirm(bool confirmed, const std::string& consequence) {
  if (confirmed) return std::nullopt;
  Problem refused{.exit_code = ExitCode::Refused,
                  .code = "not_confirmed",
                  .message = consequence + "; repeat the command with --yes if you mean it"};
  if (!can_ask()) return refused;
  std::cerr << printable(consequence) << ". Go on? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return std::nullopt;
  refused.message = "not confirmed; nothing was changed";
  return refused;
}

}  // namespace ota::cli
