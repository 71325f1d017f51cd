#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace ota::agent {

/// A secret's text; a type of its own, so that it is not taken for something that may be logged.
struct Secret {
  std::string text;
};

/// Reads a secret from a file that only its owner may read (mode 0600 or stricter); white space at
/// the end is dropped. The error names the file and what to do, never its content.
Result<Secret, std::string> read_secret(const std::string& path);

/// The same, decoded from base64.
Result<std::vector<std::byte>, std::string> read_key(const std::string& path);

/// Refuses a file of secrets (such as a private key for TLS) that others may read.
Result<Ok, std::string> check_secret(const std::string& path);

}  // namespace ota::agent
