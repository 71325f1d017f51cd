#pragma once

// Who may do what with blobs: Shared Key, and service or account SAS.
// Source: "Authorize with Shared Key"; "Create a service SAS"; "Create an account SAS".

#include <string>
#include <string_view>

#include "cloud/hub/blob/blob_account.hpp"
#include "cloud/hub/blob/blob_error.hpp"
#include "cloud/hub/blob/blob_request.hpp"
#include "contract/azure/sas.hpp"

namespace ota::hub {

/// Shared Key requests may be this much off the hub's clock.
inline constexpr contract::UnixSeconds kSharedKeySkewMax_s = 15 * 60;

/// What an authenticated request may do.
class BlobGrant {
 public:
  static BlobGrant owner() { return BlobGrant{Kind::Owner, {}, {}}; }
  static BlobGrant service(std::string permissions) {
    return BlobGrant{Kind::Service, std::move(permissions), {}};
  }
  static BlobGrant account(std::string permissions, std::string resource_types) {
    return BlobGrant{Kind::Account, std::move(permissions), std::move(resource_types)};
  }

  /// Whether one of the permission letters is granted on the kind of resource: 's' account, 'c'
  /// container, 'o' blob.
  BlobResult<Ok> require(std::string_view any_of, char resource_type) const;
  BlobResult<Ok> require_owner() const;

 private:
  enum class Kind : std::uint8_t { Owner, Service, Account };
  BlobGrant(Kind kind, std::string permissions, std::string types)
      : kind_(kind), permissions_(std::move(permissions)), resource_types_(std::move(types)) {}

  Kind kind_;
  std::string permissions_;
  std::string resource_types_;
};

BlobResult<BlobGrant> authorize(const BlobRequest& request, const BlobAccount& account,
                                contract::UnixSeconds now);

}  // namespace ota::hub
