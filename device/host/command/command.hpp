#pragma once

#include <string>
#include <utility>
#include <vector>

namespace ota::command {

/// A program of the user's: its arguments as they stand, or one line for the shell.
struct Command {
  std::vector<std::string> arguments;  // [0] is looked up in PATH; empty: no command

  static Command shell(std::string line) { return {{"sh", "-c", std::move(line)}}; }
  bool empty() const noexcept { return arguments.empty(); }
};

}  // namespace ota::command
