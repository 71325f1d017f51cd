#include "cloud/hub/blob/blob_service.hpp"

#include "cloud/hub/blob/blob_account.hpp"
#include "cloud/hub/files/durable_file.hpp"

namespace ota::hub {
namespace {

class Service final : public BlobService {
 public:
  explicit Service(BlobAccount account) : account_(std::move(account)) {}
  std::string connection_string(const std::string& host) const override {
    return account_.connection_string(host);
  }
  Begun begin(RequestHead) override { return Reply{501, {}, "", nullptr}; }

 private:
  BlobAccount account_;
};

}  // namespace

Result<std::unique_ptr<BlobService>, std::string> BlobService::open(
    const std::string& directory, const std::function<contract::UnixSeconds()>&) {
  if (const auto made = make_private_directory(directory); !made) return made.error().message;
  OTA_TRY(BlobAccount account, BlobAccount::open(directory));
  return std::unique_ptr<BlobService>(std::make_unique<Service>(std::move(account)));
}

}  // namespace ota::hub
