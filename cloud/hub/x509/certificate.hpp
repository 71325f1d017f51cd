#pragma once

// X.509 certificates of devices and of who signed them: what they say, and where a chain leads.
// Nothing here throws or trusts its input.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "contract/azure/sas.hpp"

namespace ota::hub {

/// Longer ones are no certificates of devices.
inline constexpr std::size_t kCertificateBytesMax = 16 * 1024;

struct CertificateFacts {
  std::string common_name;   // the first one of the subject; may be empty
  std::string subject_name;  // "CN=device-1, O=Example"
  std::string issuer_name;
  std::string serial_number;      // upper-case hex
  std::string sha1_thumbprint;    // upper-case hex
  std::string sha256_thumbprint;  // upper-case hex
  contract::UnixSeconds not_before = 0;
  contract::UnixSeconds not_after = 0;
  long version = 0;  // 3 for X.509 v3
};

/// The DER form of a certificate given as PEM, as base64 of PEM, or as base64 of DER. Of several
/// PEM certificates it is the first one. Nothing if it is no certificate.
std::optional<std::string> certificate_der(std::string_view text);

/// Nothing if these bytes are no certificate.
std::optional<CertificateFacts> read_certificate(std::string_view der);

/// Whether the first certificate was signed by the authority, directly or through the others,
/// which a client may have put together as it liked. An intermediate authority is as good as a
/// root. The authority's own certificate does not lead to itself.
bool leads_to(const std::vector<std::string>& chain_der, std::string_view authority_der,
              contract::UnixSeconds now);

}  // namespace ota::hub
