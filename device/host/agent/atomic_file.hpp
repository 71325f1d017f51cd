#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace ota::agent {

/// Replaces a file (mode 0600). @power_cut the old content or the new one, never a mixture; durable
/// when it returns.
Result<Ok, std::string> write_atomically(const std::string& path, std::string_view content);

}  // namespace ota::agent
