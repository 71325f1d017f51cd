// Tokens, connection strings, times and URLs from outside: never a crash, and what is accepted
// keeps its meaning.

#include <cstdint>
#include <cstdlib>

#include "base/bytes.hpp"
#include "contract/azure/connection_string.hpp"
#include "contract/azure/names.hpp"
#include "contract/azure/percent.hpp"
#include "contract/azure/sas.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ota;
  const std::string_view text = text_of(std::as_bytes(std::span(data, size)));
  if (const auto decoded = contract::percent_decode(text)) {
    if (contract::percent_decode(contract::percent_encode(*decoded)) != *decoded) std::abort();
  }
  if (const auto time = contract::parse_iso8601(text)) {
    if (contract::parse_iso8601(contract::to_iso8601(*time)) != *time) std::abort();
  }
  if (const auto token = contract::parse_hub_sas(text)) {
    if (contract::hub_sas_signed_by(*token, bytes_of("a key that signed nothing"))) std::abort();
  }
  (void)contract::parse_hub_connection(text);
  (void)contract::parse_storage_connection(text);
  (void)contract::parse_blob_url(text);
  (void)contract::blob_sas_expiry(text);
  return 0;
}
