#include "contract/azure/connection_string.hpp"

#include <algorithm>
#include <map>

#include "base/encoding.hpp"
#include "base/text.hpp"

namespace ota::contract {
namespace {

/// Keys in lower case; values whole, because base64 keys end in '='.
Result<std::map<std::string, std::string>, std::string> split(std::string_view text) {
  std::map<std::string, std::string> fields;
  while (!text.empty()) {
    const std::size_t end = text.find(';');
    const std::string_view field = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (field.empty()) continue;
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos) {
      return std::string(
          "the connection string has a part without '='; expected Key=Value pairs separated by "
          "';'");
    }
    fields[lower_case(field.substr(0, equals))] = std::string(field.substr(equals + 1));
  }
  return fields;
}

Result<std::vector<std::byte>, std::string> decode_key(const std::string& text, const char* name) {
  auto key = from_base64(text);
  if (!key || key->empty())
    return std::string(name) + " in the connection string is not base64; copy it again";
  return std::move(*key);
}

}  // namespace

Result<HubConnection, std::string> parse_hub_connection(std::string_view text) {
  OTA_TRY(auto fields, split(text));
  HubConnection out;
  out.host_name = fields["hostname"];
  if (out.host_name.empty()) return std::string("the connection string has no HostName");
  out.gateway_host_name = fields["gatewayhostname"];
  out.device_id = fields["deviceid"];
  out.policy = fields["sharedaccesskeyname"];
  out.x509 = lower_case(fields["x509"]) == "true";
  if (const std::string& key = fields["sharedaccesskey"]; !key.empty()) {
    OTA_TRY(out.key, decode_key(key, "SharedAccessKey"));
  } else if (!out.x509) {
    return std::string("the connection string has no SharedAccessKey");
  }
  return out;
}

Result<StorageConnection, std::string> parse_storage_connection(std::string_view text) {
  OTA_TRY(auto fields, split(text));
  StorageConnection out;
  if (lower_case(fields["usedevelopmentstorage"]) == "true") {
    // The well-known account of Azure's storage emulators.
    fields["accountname"] = "devstoreaccount1";
    fields["accountkey"] =
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    fields["blobendpoint"] = "http://127.0.0.1:10000/devstoreaccount1";
  }
  out.account = fields["accountname"];
  if (out.account.empty()) return std::string("the storage connection string has no AccountName");
  if (fields["accountkey"].empty())
    return std::string("the storage connection string has no AccountKey");
  OTA_TRY(out.key, decode_key(fields["accountkey"], "AccountKey"));
  out.blob_endpoint = fields["blobendpoint"];
  if (out.blob_endpoint.empty()) {
    const std::string protocol =
        fields["defaultendpointsprotocol"].empty() ? "https" : fields["defaultendpointsprotocol"];
    const std::string suffix =
        fields["endpointsuffix"].empty() ? "core.windows.net" : fields["endpointsuffix"];
    out.blob_endpoint = protocol + "://" + out.account + ".blob." + suffix;
  }
  while (out.blob_endpoint.ends_with('/')) out.blob_endpoint.pop_back();
  return out;
}

}  // namespace ota::contract
