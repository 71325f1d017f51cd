#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "cli/output.hpp"

namespace ota::cli {

/// Writes a secret to a new file that only its owner can read; an existing file is never replaced.
std::optional<Problem> write_key_file(const std::string& path, std::string_view secret);

/// The same refusal before anything is made on a service, so that a key is not lost.
std::optional<Problem> check_key_file(const std::string& path);

/// The text of a small file, such as a key or a certificate, without blanks at its ends.
Result<std::string, Problem> read_key_file(const std::string& path);

}  // namespace ota::cli
