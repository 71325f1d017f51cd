#pragma once

// Which hub a command talks to: --profile holds; else Azure, where AZURE_IOTHUB_CONNECTIONSTRING is
// set; else the default profile.

#include <string>

#include "cli/context.hpp"
#include "cloud/profile/profile.hpp"

namespace ota::cli {

/// The profile to read; empty: the environment holds.
std::string profile_path_of(const Context& context);

/// What the environment says. Its members are secrets.
profile::Profile environment_profile();

}  // namespace ota::cli
