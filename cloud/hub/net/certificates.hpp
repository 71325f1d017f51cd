#pragma once

// The hub's own certificate authority (EC P-256), made on first start, and its server certificate.
// The certificate carries every name that clients use, and is issued again when the names change or
// it nears its end; the authority stays.

#include <string>
#include <vector>

#include "base/result.hpp"
#include "contract/azure/sas.hpp"

namespace ota::hub {

inline constexpr int kAuthorityDays = 3650;
inline constexpr int kServerDays = 397;  // what browsers and phones accept at most
inline constexpr int kReissueDaysBefore = 30;

struct CertificateFiles {
  std::string authority;    // PEM; what clients trust
  std::string certificate;  // PEM chain: server, then authority
  std::string key;          // PEM, mode 0600
};

/// localhost, 127.0.0.1, ::1, the machine's name, then `extra`, each once.
std::vector<std::string> server_names(const std::vector<std::string>& extra);

/// Makes what is missing or no longer fits. `names` are DNS names or IP addresses. Errors are
/// sentences for people.
///
/// @power_cut each file is old or new; a pair that does not fit together is issued again at the
/// next start
Result<CertificateFiles, std::string> ensure_certificates(const std::string& directory,
                                                          const std::vector<std::string>& names,
                                                          contract::UnixSeconds now);

}  // namespace ota::hub
