#pragma once

// The storage account: its name and its key, made on the first start and kept in a file that only
// the owner reads.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace ota::hub {

inline constexpr std::string_view kBlobAccount = "mcuota";

struct BlobAccount {
  std::string name;
  std::vector<std::byte> key;

  static Result<BlobAccount, std::string> open(const std::string& directory);

  /// `endpoint` is "https://host:port" or "http://host:port".
  std::string connection_string(const std::string& endpoint) const;
};

}  // namespace ota::hub
