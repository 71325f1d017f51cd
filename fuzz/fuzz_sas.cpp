// Tokens, connection strings, times and URLs from outside: never a crash, and what is accepted
// keeps its meaning.

#include <cstdint>

#include "base/bytes.hpp"
#include "contract/azure/connection_string.hpp"
#include "contract/azure/names.hpp"
#include "contract/azure/percent.hpp"
#include "contract/azure/sas.hpp"
#include "contract/azure/shared_key.hpp"
#include "fuzz/require.hpp"

namespace {

using namespace ota;
using fuzz::require;

/// An error is shown to people, so it holds no key.
template <class T>
void check_error(const Result<T, std::string>& connection, std::string_view text) {
  if (connection) return;
  require(!connection.error().empty());
  constexpr std::string_view kKey = "SharedAccessKey=";
  const std::size_t at = text.find(kKey);
  if (at == std::string_view::npos) return;
  const std::string_view key = text.substr(at + kKey.size(), text.find(';', at) - at - kKey.size());
  if (key.size() >= 24) require(connection.error().find(key) == std::string::npos);
}

void check_connections(std::string_view text) {
  const auto hub = contract::parse_hub_connection(text);
  check_error(hub, text);
  if (hub) require(!hub->host_name.empty() && (hub->x509 || !hub->key.empty()));
  const auto storage = contract::parse_storage_connection(text);
  check_error(storage, text);
  if (storage) require(!storage->account.empty() && !storage->blob_endpoint.ends_with('/'));
}

/// Every name that passes makes an id that a hub takes, and one that is found again.
void check_names(std::string_view text) {
  if (const auto parts = contract::parse_blob_url(text)) {
    require(parts->version != 0 && parts->sha256_prefix.size() == 16);
  }
  const std::string_view product = text.substr(0, text.size() / 2);
  const std::string_view group = text.substr(text.size() / 2);
  if (!contract::check_product(product) || !contract::check_group(group)) return;
  const std::string id = contract::configuration_id(product, group, 7, 1);
  require(!id.empty() && id.size() <= 128);
  require(contract::configuration_belongs_to(id, product, group));
  require(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(std::as_bytes(std::span(data, size)));
  if (const auto decoded = contract::percent_decode(text)) {
    require(contract::percent_decode(contract::percent_encode(*decoded)) == decoded);
  }
  if (const auto time = contract::parse_iso8601(text)) {
    require(contract::parse_iso8601(contract::to_iso8601(*time)) == time);
  }
  if (const auto token = contract::parse_hub_sas(text)) {
    require(!contract::hub_sas_signed_by(*token, bytes_of("a key that signed nothing")));
  }
  check_connections(text);
  check_names(text);
  (void)contract::blob_sas_expiry(text);
  if (const auto shared = contract::parse_shared_key_authorization(text)) {
    require(!shared->account.empty() && !shared->signature.empty());
  }
  return 0;
}
