#pragma once

// Blob Storage of one account over HTTP, path style: /{account}/{container}/{blob}.
// Source: "Blob Service REST API"; what the service leaves open follows Azurite.

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "cloud/hub/files/disk_worker.hpp"
#include "cloud/hub/http/exchange.hpp"
#include "contract/azure/sas.hpp"

namespace ota::hub {

/// Complete uploads that wait for the disk; the next one is told to come again.
inline constexpr std::size_t kUploadsWaitingMax = 256;

class BlobService : public HttpService {
 public:
  /// Opens or creates the account in the directory; its key is made on the first start. Errors are
  /// sentences for people.
  /// `post` has a step called on the event loop, from any thread; without it requests wait for the
  /// disk themselves.
  static Result<std::unique_ptr<BlobService>, std::string> open(
      const std::string& directory, const std::function<contract::UnixSeconds()>& now,
      DiskWorker::Post post = {});
  virtual ~BlobService() = default;

  /// Called about once a second.
  virtual void tick() = 0;

  /// With the account's key: for the profile, never for a log.
  /// `endpoint` is "https://host:port" or "http://host:port".
  virtual std::string connection_string(const std::string& endpoint) const = 0;
};

}  // namespace ota::hub
