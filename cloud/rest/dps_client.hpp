#pragma once

// The Device Provisioning Service's REST: enrollments of groups and single devices, with symmetric
// keys or certificates; groups also with certificates of an authority that the service has
// verified.

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
  // PEM; of the authority that signs a group's devices, or of the one device. Write only.
  std::string certificate = {};
  std::string second_certificate = {};
  std::string attestation = {};  // symmetricKey, x509, ...; read only
  std::string status = {};       // enabled, disabled; read only
  std::string etag = {};         // of the state that was read
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

  /// Creates it with keys that the service makes, or for certificates.
  /// @errors Conflict: the id exists.
  ApiResult<Ok> create(const Enrollment& enrollment);
  ApiResult<Enrollment> get(EnrollmentKind kind, std::string_view id);
  ApiResult<std::vector<Enrollment>> list(EnrollmentKind kind);
  /// Enables or disables it and leaves all else as it is.
  /// @errors Conflict: somebody else changed it meanwhile.
  ApiResult<Enrollment> set_status(EnrollmentKind kind, std::string_view id,
                                   std::string_view status);
  /// @param etag  of the state that may go; empty: whatever it is
  /// @errors Conflict: it was changed meanwhile.
  ApiResult<Ok> remove(EnrollmentKind kind, std::string_view id, std::string_view etag = {});
  ApiResult<SymmetricKeys> keys(EnrollmentKind kind, std::string_view id);

 private:
  ServiceSession session_;
};

}  // namespace ota::rest
