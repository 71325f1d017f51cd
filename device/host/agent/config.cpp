#include "device/host/agent/config.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "contract/limits.hpp"
#include "device/host/agent/config_reader.hpp"
#include "device/host/net/endpoint.hpp"

namespace ota::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::vector<std::string> kSections = {"identity",  "dps",   "hub",     "tls",
                                            "flash",     "mcu",   "network", "download",
                                            "telemetry", "state", "log"};
constexpr std::array<std::string_view, 6> kLogLevels = {"trace", "debug", "info",
                                                        "warn",  "error", "off"};
constexpr std::size_t kDeviceIdBytesMax = 128;
constexpr std::uint16_t kSocksPort = 1080;

/// Builds a Config section by section.
class Loader {
 public:
  Loader(const toml::table& root, const std::string& path, const ConfigOverrides& overrides)
      : root_(root),
        folder_(std::filesystem::path(path).parent_path()),
        errors_(path),
        overrides_(overrides) {}

  Result<Config, std::string> load() {
    check_sections();
    read_identity();
    read_dps();
    read_hub();
    read_tls();
    if (overrides_.profile) use_profile(*overrides_.profile);
    read_flash();
    read_mcu();
    read_network();
    read_rest();
    if (overrides_.connects) check_login();
    if (!errors_.empty()) return errors_.text();
    return std::move(config_);
  }

 private:
  void check_sections() {
    for (const auto& [key, node] : root_) {
      const std::string word(key.str());
      if (std::find(kSections.begin(), kSections.end(), word) != kSections.end()) continue;
      const std::string guess = nearest(word, kSections);
      errors_.add(key.source(), "there is no section [" + word + "]" +
                                    (guess.empty() ? "" : "; did you mean [" + guess + "]?"));
    }
  }

  void read_identity() {
    ConfigSection section(root_, "identity", errors_);
    config_.device_id = section.text("device_id");
    if (config_.device_id.size() > kDeviceIdBytesMax) {
      errors_.add("identity.device_id: at most 128 characters");
    }
    config_.product = section.text("product");
    if (config_.product.size() > contract::kProductBytesMax) {
      errors_.add("identity.product: at most 64 bytes");
    }
    section.finish();
  }

  void read_dps() {
    ConfigSection section(root_, "dps", errors_);
    if (!section.present()) return;
    DpsConfig dps = dps_of_profile();
    dps.host = section.text("host", dps.host);
    if (const auto endpoint = net::parse_endpoint(dps.host, net::kMqttTlsPort); !endpoint) {
      errors_.add("dps.host: " + endpoint.error());
    }
    dps.id_scope =
        dps.id_scope.empty()
            ? section.required_text("id_scope", "the id scope of the DPS instance (0ne...)")
            : section.text("id_scope", dps.id_scope);
    dps.group_key_file = file(section, "group_key_file");
    dps.key_file = file(section, "key_file");
    section.finish();
    config_.dps = std::move(dps);
  }

  void read_hub() {
    ConfigSection section(root_, "hub", errors_);
    config_.connection_string_file = file(section, "connection_string_file");
    config_.sas_lifetime = seconds(section.integer("sas_lifetime_s", {10, 86'400}, 3600));
    section.finish();
  }

  void read_tls() {
    ConfigSection section(root_, "tls", errors_);
    config_.ca_file = chosen(overrides_.ca_file, file(section, "ca_file"));
    config_.cert_file = chosen(overrides_.cert_file, file(section, "cert"));
    config_.key_file = chosen(overrides_.key_file, file(section, "key"));
    config_.allow_http = section.boolean("allow_http", false);
    if (config_.cert_file.empty() != config_.key_file.empty()) {
      errors_.add("tls.cert and tls.key belong together: give both or none");
    }
    section.finish();
  }

  /// Without a profile, or where it is silent, the defaults.
  DpsConfig dps_of_profile() const {
    DpsConfig dps;
    if (!overrides_.profile) return dps;
    if (!overrides_.profile->dps_host.empty()) dps.host = overrides_.profile->dps_host;
    dps.id_scope = overrides_.profile->id_scope;
    return dps;
  }

  void use_profile(const HubProfile& profile) {
    if (config_.ca_file.empty()) config_.ca_file = profile.ca_file;
    if (!config_.dps && !has_connection_string()) config_.dps = dps_of_profile();
    if (!config_.dps) return;
    const bool proves_itself = !config_.dps->group_key_file.empty() ||
                               !config_.dps->key_file.empty() || !config_.cert_file.empty();
    if (!proves_itself) config_.dps->group_key = profile.group_key;
  }

  bool has_connection_string() const {
    return !config_.connection_string_file.empty() ||
           std::getenv(kConnectionStringVariable) != nullptr;
  }

  void read_flash() {
    ConfigSection section(root_, "flash", errors_);
    FlashConfig& flash = config_.flash;
    flash.kind = static_cast<FlashConfig::Kind>(section.choice("kind", {"file", "spi"}));
    if (flash.kind == FlashConfig::Kind::File) {
      flash.path =
          resolved(section.required_text("path", "the file that stands for the flash chip"));
      flash.clock_hz = static_cast<std::uint32_t>(
          section.integer("clock_hz", {1'000'000, 133'000'000}, 40'000'000));
    } else {
      flash.device =
          section.required_text("device", "the SPI device, for example \"/dev/spidev0.0\"");
      flash.speed_hz = static_cast<std::uint32_t>(
          section.integer("speed_hz", {100'000, 133'000'000}, 8'000'000));
      flash.gpio_chip = section.text("gpio_chip");
      flash.gpio_line = static_cast<std::uint32_t>(section.integer("gpio_line", {0, 4095}, 0));
    }
    flash.erase_ahead_after = seconds(section.integer("erase_ahead_after_s", {0, 86'400}, 600));
    section.finish();
  }

  void read_mcu() {
    ConfigSection section(root_, "mcu", errors_);
    McuConfig& mcu = config_.mcu;
    mcu.programmer =
        static_cast<McuConfig::Programmer>(section.choice("programmer", {"store-only", "command"}));
    const bool command = mcu.programmer == McuConfig::Programmer::Command;
    mcu.program = command ? section.required_text("program", "the command that programs the MCU")
                          : section.text("program");
    mcu.version_command = section.text("version_command");
    mcu.confirm_timeout = seconds(section.integer("confirm_timeout_s", {1, 86'400}, 120));
    mcu.confirm_interval = seconds(section.integer("confirm_interval_s", {1, 3600}, 2));
    mcu.version_timeout = seconds(section.integer("version_timeout_s", {1, 600}, 10));
    mcu.program_pause = seconds(section.integer("program_pause_s", {1, 3600}, 10));
    section.finish();
  }

  void read_network() {
    constexpr std::string_view kScheme = "socks5://";
    ConfigSection section(root_, "network", errors_);
    NetworkConfig& network = config_.network;
    const std::string proxy = section.text("proxy");
    network.connect_timeout = seconds(section.integer("connect_timeout_s", {1, 600}, 30));
    network.stall_timeout = seconds(section.integer("stall_timeout_s", {1, 3600}, 60));
    network.timing.answer_timeout = seconds(section.integer("answer_timeout_s", {1, 600}, 30));
    network.timing.retry_max = seconds(section.integer("retry_max_s", {1, 86'400}, 900));
    network.timing.settle_time = milliseconds(section.integer("settle_ms", {100, 60'000}, 2000));
    section.finish();
    if (proxy.empty()) return;
    const auto endpoint = proxy.starts_with(kScheme)
                              ? net::parse_endpoint(proxy.substr(kScheme.size()), kSocksPort)
                              : Result<net::Endpoint, std::string>(
                                    "expected socks5://HOST:PORT, not '" + proxy + "'");
    if (endpoint) {
      network.proxy = endpoint.value();
    } else {
      errors_.add("network.proxy: " + endpoint.error());
    }
  }

  void read_rest() {
    ConfigSection download(root_, "download", errors_);
    config_.max_rate_bytes = download.rate("max_rate");
    download.finish();

    ConfigSection telemetry(root_, "telemetry", errors_);
    config_.telemetry_interval = seconds(telemetry.integer("interval_s", {0, 86'400}, 60));
    config_.temperature_file =
        telemetry.text("temperature_file", "/sys/class/thermal/thermal_zone0/temp");
    telemetry.finish();

    ConfigSection state(root_, "state", errors_);
    config_.state_file =
        resolved(state.required_text("file", "where the agent keeps what must outlive a restart"));
    state.finish();

    ConfigSection log(root_, "log", errors_);
    config_.log_level = chosen(overrides_.log_level, log.text("level", "info"));
    if (std::find(kLogLevels.begin(), kLogLevels.end(), config_.log_level) == kLogLevels.end()) {
      errors_.add("log.level: expected trace, debug, info, warn, error or off, not '" +
                  config_.log_level + "'");
    }
    log.finish();
  }

  /// Exactly one way to the cloud, with exactly one credential.
  void check_login() {
    const bool by_string = has_connection_string();
    if (!config_.dps) {
      if (!by_string) {
        errors_.add(std::string("no way to the cloud: write a [dps] section, or give --profile, "
                                "hub.connection_string_file or the environment variable ") +
                    kConnectionStringVariable);
      }
      return;
    }
    if (by_string) {
      errors_.add("both [dps] and a connection string are given: keep one");
    }
    if (config_.device_id.empty()) {
      errors_.add("[identity] needs device_id: the registration id for DPS");
    }
    const int credentials =
        (config_.dps->group_key_file.empty() ? 0 : 1) + (config_.dps->key_file.empty() ? 0 : 1) +
        (config_.dps->group_key.empty() ? 0 : 1) + (config_.cert_file.empty() ? 0 : 1);
    if (credentials != 1) {
      errors_.add(
          "[dps] needs exactly one of group_key_file, key_file, or tls.cert with tls.key; "
          "it has " +
          std::to_string(credentials));
    }
  }

  std::string file(ConfigSection& section, std::string_view key) {
    return resolved(section.text(key));
  }
  std::string resolved(const std::string& name) const {
    return name.empty() ? name : (folder_ / name).lexically_normal().string();
  }
  static std::string chosen(const std::string& flag, std::string value) {
    return flag.empty() ? std::move(value) : flag;
  }

  const toml::table& root_;
  std::filesystem::path folder_;
  ConfigErrors errors_;
  const ConfigOverrides& overrides_;
  Config config_;
};

}  // namespace

Result<Config, std::string> parse_config(std::string_view text, const std::string& path,
                                         const ConfigOverrides& overrides) {
  try {
    const toml::table root = toml::parse(text, path);
    return Loader(root, path, overrides).load();
  } catch (const toml::parse_error& error) {
    ConfigErrors errors(path);
    errors.add(error.source(), std::string(error.description()));
    return errors.text();
  }
}

Result<Config, std::string> load_config(const std::string& path, const ConfigOverrides& overrides) {
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) {
    return path + ": no such file; mcu-ota-agent.example.toml shows what it holds";
  }
  std::ifstream stream(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(stream)),
                         std::istreambuf_iterator<char>());
  if (!stream) return path + ": cannot be read; check its permissions";
  return parse_config(text, path, overrides);
}

}  // namespace ota::agent
