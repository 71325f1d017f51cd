#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ota::cli {

/// An option that takes 90s, 30m, 2h or 1d; at least one second.
CLI::Option* add_duration(CLI::App& verb, const std::string& name,
                          std::optional<std::int64_t>& seconds, const std::string& description);

}  // namespace ota::cli
