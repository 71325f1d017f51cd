#pragma once

#include <optional>
#include <string>

#include "cli/output.hpp"

namespace CLI {
class App;
}

namespace ota::cli {

/// The option -y, --yes of verbs that ask.
void add_yes(CLI::App& verb, bool& confirmed);

/// Whether a person is there to be asked.
bool can_ask();

/// Nothing if `confirmed`, or if a person at a terminal answers y. Else why not: scripts are never
/// asked, they must say --yes.
/// @param consequence  a clause: "deleting device 'x' removes its identity for good"
std::optional<Problem> confirm(bool confirmed, const std::string& consequence);

}  // namespace ota::cli
