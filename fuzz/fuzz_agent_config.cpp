// The agent's configuration file. Properties: what is accepted keeps its ranges and names its
// files, and what is refused says where and why, a line for each mistake.

#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "contract/limits.hpp"
#include "device/host/agent/config.hpp"
#include "device/host/net/endpoint.hpp"
#include "fuzz/require.hpp"

namespace {

using namespace ota;
using fuzz::require;

void check(const agent::Config& config) {
  require(config.product.size() <= contract::kProductBytesMax);
  require(config.cert_file.empty() == config.key_file.empty());
  require(config.sas_lifetime >= std::chrono::seconds(10));
  if (config.flash.kind == agent::FlashConfig::Kind::File) {
    require(!config.flash.path.empty() && config.flash.clock_hz >= 1'000'000);
  } else {
    require(!config.flash.device.empty() && config.flash.speed_hz >= 100'000);
  }
  if (config.mcu.programmer == agent::McuConfig::Programmer::Command)
    require(!config.mcu.program.empty());
  if (const auto& proxy = config.network.proxy) require(!proxy->host.empty() && proxy->port != 0);
  if (config.dps) {
    const auto host = net::parse_endpoint(config.dps->host, net::kMqttTlsPort);
    require(host.has_value());
    const auto again = net::parse_endpoint(net::to_text(*host), 1);
    require(again && again->host == host->host && again->port == host->port);
  }
}

void check_errors(const std::string& text) {
  require(!text.empty() && text.starts_with("/etc/agent.toml"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(std::as_bytes(std::span(data, size)));
  agent::ConfigOverrides overrides;
  overrides.connects = false;  // so that no login has to be there
  const auto config = agent::parse_config(text, "/etc/agent.toml", overrides);
  config ? check(*config) : check_errors(config.error());
  return 0;
}
