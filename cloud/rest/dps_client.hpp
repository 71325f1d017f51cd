#pragma once

// The Device Provisioning Service's REST: enrollments of groups and single devices, with symmetric
// keys; groups also with certificates of an authority that the service has verified.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/rest/service_session.hpp"

namespace ota::rest {

enum class EnrollmentKind { Group, Individual };

struct Enrollment {
  EnrollmentKind kind = EnrollmentKind::Group;
  std::string id = {};                           // enrollment group id, or registration id
  std::map<std::string, std::string> tags = {};  // of the initial twin
  std::string ca_reference = {};  // of a group: name of a verified certificate in DPS
  std::string attestation = {};   // symmetricKey, x509, ...; read only
  std::string status = {};        // enabled, disabled; read only
};

/// Secrets: never print them.
struct SymmetricKeys {
  std::string primary = {};  // base64
  std::string secondary = {};
};

class DpsClient {
 public:
  /// @param base_url  empty: "https://" and the host of the connection string
  DpsClient(contract::HubConnection connection, ClientSetup setup, std::string base_url = {});

  /// Creates it with keys that the service makes, or for certificates of ca_reference.
  /// @errors Conflict: the id exists.
  ApiResult<Ok> create(const Enrollment& enrollment);
  ApiResult<Enrollment> get(EnrollmentKind kind, std::string_view id);
  ApiResult<std::vector<Enrollment>> list(EnrollmentKind kind);
  ApiResult<Ok> remove(EnrollmentKind kind, std::string_view id);
  ApiResult<SymmetricKeys> keys(EnrollmentKind kind, std::string_view id);

 private:
  ServiceSession session_;
};

}  // namespace ota::rest
