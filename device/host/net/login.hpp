#pragma once

// What a device shows at the door of IoT Hub or DPS: client id, user name and, with a symmetric
// key, a token.

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "contract/azure/sas.hpp"

namespace ota::net {

/// A symmetric key, or a client certificate; with a certificate no password is sent.
struct Credential {
  std::vector<std::byte> key;  // decoded
  std::string cert_file;       // PEM
  std::string key_file;        // PEM

  bool has_certificate() const noexcept { return !cert_file.empty(); }
};

/// The device's own credential in a symmetric-key enrollment group.
Credential derive_credential(Bytes group_key, std::string_view registration_id);

struct Login {
  std::string client_id;
  std::string user_name;
  std::string password;  // must not reach a log
};

/// @param hub_host as written in the connection string or by DPS, with its port: it is part of what
/// is signed
Login hub_login(std::string_view hub_host, std::string_view device_id, const Credential& credential,
                contract::UnixSeconds expiry, std::string_view client_type);

Login dps_login(std::string_view id_scope, std::string_view registration_id,
                const Credential& credential, contract::UnixSeconds expiry,
                std::string_view client_version);

}  // namespace ota::net
