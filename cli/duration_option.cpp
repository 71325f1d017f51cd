#include "cli/duration_option.hpp"

#include <CLI/CLI.hpp>

#include "cli/text_of.hpp"

namespace ota::cli {

CLI::Option* add_duration(CLI::App& verb, const std::string& name,
                          std::optional<std::int64_t>& seconds, const std::string& description) {
  return verb
      .add_option_function<std::string>(
          name, [&seconds](const std::string& text) { seconds = read_duration(text); }, description)
      ->check([name](const std::string& text) {
        const auto read = read_duration(text);
        if (read && *read > 0) return std::string();
        return "'" + text + "' is no duration for " + name + "; write 90s, 30m, 2h or 1d";
      })
      ->type_name("DURATION");
}

}  // namespace ota::cli
