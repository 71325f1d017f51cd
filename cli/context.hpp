#pragma once

#include <functional>
#include <string>

#include "cli/exit_code.hpp"

namespace ota::cli {

enum class Format { Table, Json };

/// What every verb gets: the options that all of them share, and a place for what the chosen one
/// does. main() runs it after the whole command line has been read.
struct Context {
  std::string profile_path;  // empty: the default one
  std::string ca_file;       // empty: the profile's, else the system's certificates
  Format format = Format::Table;
  bool json_lines = false;  // one document a line: verbs that follow something set it
  bool progress_wanted = true;
  std::function<ExitCode()> run;
};

}  // namespace ota::cli
