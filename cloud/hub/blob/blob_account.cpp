#include "cloud/hub/blob/blob_account.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>

#include "base/encoding.hpp"
#include "cloud/hub/files/durable_file.hpp"

namespace ota::hub {
namespace {

constexpr std::size_t kKeyBytes = 64;  // as Azure's account keys

}  // namespace

Result<BlobAccount, std::string> BlobAccount::open(const std::string& directory) {
  const std::string path = directory + "/account.key";
  const auto stored = read_file(path);
  if (stored) {
    auto key = from_base64(stored.value());
    if (key && key->size() == kKeyBytes)
      return BlobAccount{std::string(kBlobAccount), std::move(*key)};
    return path +
           " is damaged; restore it, or delete it to get a new account key (old blob tokens then "
           "end)";
  }
  if (stored.error().code != ENOENT) return stored.error().message;
  BlobAccount account{std::string(kBlobAccount), std::vector<std::byte>(kKeyBytes)};
  if (::getrandom(account.key.data(), account.key.size(), 0) != static_cast<ssize_t>(kKeyBytes)) {
    return std::string("the system gives no random numbers for the account key");
  }
  if (const auto written = write_durably(path, to_base64(account.key), 0600); !written)
    return written.error().message;
  return account;
}

std::string BlobAccount::connection_string(const std::string& endpoint) const {
  const std::string scheme = endpoint.substr(0, endpoint.find(':'));
  return "DefaultEndpointsProtocol=" + scheme + ";AccountName=" + name +
         ";AccountKey=" + to_base64(key) + ";BlobEndpoint=" + endpoint + "/" + name + ";";
}

}  // namespace ota::hub
