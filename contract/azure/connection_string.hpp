#pragma once

// Connection strings of IoT Hub (service and device), DPS and Storage.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace ota::contract {

/// A hub or DPS connection string. Which members are set says its kind.
struct HubConnection {
  std::string host_name;          // may carry a port: "127.0.0.1:18443"
  std::string gateway_host_name;  // TCP and TLS go here when set
  std::string device_id;          // device strings
  std::string policy;             // service strings: SharedAccessKeyName
  std::vector<std::byte> key;     // decoded SharedAccessKey
  bool x509 = false;
};

/// Where a storage account is and how to sign for it.
struct StorageConnection {
  std::string account;
  std::vector<std::byte> key;  // decoded
  std::string blob_endpoint;   // "https://host[:port][/account]", no trailing slash
};

/// Errors are sentences for people that never contain the string's secrets.
Result<HubConnection, std::string> parse_hub_connection(std::string_view text);
Result<StorageConnection, std::string> parse_storage_connection(std::string_view text);

}  // namespace ota::contract
