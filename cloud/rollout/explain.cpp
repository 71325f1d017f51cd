#include "cloud/rollout/explain.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "cloud/rollout/tally.hpp"

namespace ota::rollout {
namespace {

using contract::Code;
using contract::UnixSeconds;

struct Advice {
  Code code;
  CodeAdvice words;
};

constexpr std::array<Advice, contract::kCodeCount> kAdvice = {{
    {Code::None, {"nothing is wrong", "It goes on by itself."}},
    {Code::BadOffer,
     {"a key of the offer is missing, of a wrong type or contradicts another",
      "Deploy the firmware again under a new version with this program."}},
    {Code::WrongProduct,
     {"the offer is for another product than the device was built for",
      "Correct its tag with mcu-ota device tag, or the product in the agent's "
      "configuration."}},
    {Code::OlderIgnored,
     {"its MCU runs a newer version than the offered one",
      "Nothing; to go back, deploy the old file under a higher version with "
      "--mcu-version."}},
    {Code::TooLarge,
     {"the image does not fit on its flash", "Deploy a smaller image under a new version."}},
    {Code::SasExpired,
     {"the storage refused its download token",
      "Renew the token with mcu-ota renew; until then it tries once a day."}},
    {Code::NotFound,
     {"the storage has no such blob any more",
      "Deploy the firmware again under a new version; until then it tries once a day."}},
    {Code::HttpRefused,
     {"the storage refuses the download for good",
      "Look at the storage account's network rules; it tries once a day."}},
    {Code::ServerError,
     {"the storage is overloaded or fails for the moment",
      "It tries again by itself within 15 minutes."}},
    {Code::NetworkUnreachable,
     {"it has no connection to the storage, or the connection broke",
      "It tries again by itself; if it stays so, look at its network and firewall."}},
    {Code::Stalled,
     {"no byte has arrived for 24 hours",
      "It tries once a day; look at its line and at what stands between it and the "
      "storage."}},
    {Code::HashMismatch,
     {"three downloads had another SHA-256 than the offer",
      "What is stored is not what was deployed: deploy the image under a new version."}},
    {Code::StorageCorrupt,
     {"the file system on its flash was damaged and had to be made anew",
      "Watch this device: loss of power alone never leads there. mcu-ota retry starts it "
      "again."}},
    {Code::StorageFailed,
     {"its flash does not answer, fails or is write-protected",
      "Check supply and wires of the flash (mcu-ota-agent flash test); it goes on by "
      "itself."}},
    {Code::McuFailed,
     {"the MCU could not be programmed three times",
      "Check the MCU's wires and bootloader, then mcu-ota retry."}},
    {Code::McuSilent,
     {"the MCU was programmed but does not name the wanted version",
      "Check what this firmware reports against --mcu-version, then mcu-ota retry or a "
      "new version."}},
    {Code::RolledBack,
     {"the new image did not run three times, so the MCU has the previous one again",
      "Correct the firmware and deploy it under a new version."}},
    {Code::RollbackFailed,
     {"the previous image could not be put back yet",
      "It tries again with growing pauses; if it stays so, check the MCU's supply and "
      "wires."}},
    {Code::RollbackUnavailable,
     {"there is no previous image on its flash to go back to",
      "The update goes on; mcu-ota-agent import gives a device an image to go back to."}},
    {Code::ClockUnset,
     {"its clock is not set, so it cannot check certificates",
      "It goes on when it gets the time: check its time server."}},
    {Code::TlsUntrusted,
     {"it does not trust the storage's certificate",
      "Correct ca_file in the agent's configuration; it tries again by itself."}},
    {Code::Withdrawn,
     {"the deployment was taken back", "Nothing until something is deployed to it again."}},
    {Code::ProgrammingInterrupted,
     {"the device restarted 20 times while it programmed the MCU",
      "Check its power supply; it tries once a day."}},
    {Code::Superseded,
     {"a newer offer took the place of this one", "It turns to the newer version by itself."}},
    {Code::InsecureUrl,
     {"the offer's address has no TLS, which its configuration does not allow",
      "Deploy from a storage account with https, or allow it in the agent's "
      "configuration."}},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kAdvice.size(); ++i) {
    if (static_cast<std::size_t>(kAdvice[i].code) != i) return false;
  }
  return true;
}
static_assert(in_order());

/// In progress without a word for so long is worth a look.
constexpr UnixSeconds kSilentSeconds = 26 * 3600;  // a waiting device reports once a day

std::optional<Code> read_code(std::string_view text) {
  for (std::uint8_t i = 0; i < contract::kCodeCount; ++i) {
    if (to_text(static_cast<Code>(i)) == text) return static_cast<Code>(i);
  }
  return std::nullopt;
}

std::string ago(UnixSeconds seconds) {
  if (seconds < 120) return std::to_string(std::max<UnixSeconds>(seconds, 0)) + " s";
  if (seconds < 2 * 3600) return std::to_string(seconds / 60) + " min";
  if (seconds < 2 * 86'400) return std::to_string(seconds / 3600) + " h";
  return std::to_string(seconds / 86'400) + " days";
}

/// Seconds since a time of the service; nothing if it says never (year 1) or nothing.
std::optional<UnixSeconds> age_of(std::string_view iso_time, UnixSeconds now) {
  const auto time = contract::parse_iso8601(iso_time);
  if (!time || *time <= 0) return std::nullopt;
  return std::max<UnixSeconds>(0, now - *time);
}

std::string in_words(std::string_view phase) {
  if (phase == "waiting") return "waits";
  if (phase == "downloading") return "downloads the image";
  if (phase == "verifying") return "verifies the downloaded image";
  if (phase == "programming") return "programs the MCU";
  if (phase == "confirming") return "asks the MCU whether it runs the new image";
  if (phase == "rolling_back") return "puts the previous image back on the MCU";
  return "works on the update";
}

std::string version_text(std::uint32_t version) { return "version " + std::to_string(version); }

/// Explains one device; the checks run from what hides everything else to what is the rule.
class Explainer {
 public:
  Explainer(const DeviceState& device, const std::vector<DeployedRelease>& releases,
            UnixSeconds now)
      : device_(device), report_(device.report), now_(now) {
    mine_ = releases;
    std::erase_if(mine_, [&device](const DeployedRelease& one) {
      return one.product != device.product || one.group != device.group;
    });
    std::sort(mine_.begin(), mine_.end(), [](const DeployedRelease& a, const DeployedRelease& b) {
      return a.version != b.version ? a.version > b.version : a.revision > b.revision;
    });
    const auto offered = std::find_if(mine_.begin(), mine_.end(), [](const auto& one) {
      return one.state != RolloutState::Aborted;
    });
    if (offered != mine_.end()) release_ = *offered;
  }

  Explanation run() {
    if (device_.status == "disabled") {
      return say("disabled", "its identity is disabled, so it cannot connect",
                 "Enable the identity; then it connects by itself.");
    }
    if (device_.product.empty() || device_.group.empty()) return untagged();
    if (!release_) return nothing_offered();
    const Standing standing = standing_of(report_, *release_);
    if (standing == Standing::Done) return done();
    if (standing == Standing::Newer) {
      return say("newer",
                 "its MCU runs " + version_text(*report_.version) + ", newer than " +
                     version_text(release_->version) + " which is deployed to it",
                 "Nothing; to bring it back, deploy that firmware under a higher version with "
                 "--mcu-version.");
    }
    if (standing == Standing::Failed) return failed();
    if (standing == Standing::Waiting) return not_begun();
    return under_way();
  }

 private:
  Explanation say(std::string state, const std::string& why, std::string next) const {
    Explanation out{.state = std::move(state),
                    .sentence = "Device '" + device_.id + "': " + why + ".",
                    .next = std::move(next)};
    if (release_) out.rollout = release_->id;
    return out;
  }

  std::string whose() const {
    return "product '" + device_.product + "', group '" + device_.group + "'";
  }

  Explanation untagged() const {
    const std::string what = device_.product.empty() && device_.group.empty()
                                 ? "neither a product nor a group"
                                 : (device_.product.empty() ? "no product" : "no group");
    return say("untagged", "its tags name " + what + ", so no rollout targets it",
               "Give it both: mcu-ota device tag " + device_.id + " --product P --group G");
  }

  Explanation nothing_offered() const {
    if (mine_.empty()) {
      return say("nothing_deployed", "nothing is deployed to " + whose(),
                 "Deploy a firmware to them, or correct its tags with mcu-ota device tag.");
    }
    return say("aborted",
               version_text(mine_.front().version) + ", the newest for " + whose() +
                   ", was aborted, so nothing is offered to it; its MCU " + runs(),
               "Nothing until a new version is deployed.");
  }

  std::string runs() const {
    return report_.version ? "runs " + version_text(*report_.version)
                           : "runs what it has not told yet";
  }

  Explanation done() const {
    return say("done",
               "its MCU runs " + version_text(release_->version) + ", the newest for " + whose(),
               "Nothing; the next version reaches it by itself.");
  }

  std::string since() const {
    const auto age = age_of(report_.since, now_);
    return age ? " for " + ago(*age) : std::string();
  }

  bool online() const { return device_.connection_state == "Connected"; }

  std::string absence() const {
    const auto age = age_of(device_.last_activity, now_);
    return age ? "it has been offline, last seen " + ago(*age) + " ago" : "it is offline";
  }

  bool token_ended() const {
    return release_->token_expires != 0 && release_->token_expires <= now_;
  }

  Explanation failed() const {
    const auto code = read_code(report_.code);
    const std::string gave_up = "it gave up " + version_text(release_->version);
    if (!code || *code == Code::None) {
      return say(
          "failed",
          gave_up +
              (report_.code.empty() || code
                   ? std::string(" and does not say why")
                   : ", for a reason that this program has no words for: '" + report_.code + "'") +
              detail(),
          "Look at the device's own log; mcu-ota retry lets it try again.");
    }
    const CodeAdvice advice = advice_of(*code);
    return say("failed", gave_up + since() + " because " + std::string(advice.meaning),
               std::string(advice.next));
  }

  std::string detail() const { return report_.detail.empty() ? "" : " (" + report_.detail + ")"; }

  Explanation not_begun() const {
    const std::string version = version_text(release_->version);
    const auto age = age_of(device_.last_activity, now_);
    if (report_.code == to_text(Code::WrongProduct)) return wrong_product();
    if (!online() && !age && report_.status.empty()) {
      return say("never_connected", "it has never connected, so " + version + " cannot reach it",
                 "Start it and look at its log: network, identity and key, or the enrollment.");
    }
    if (release_->state == RolloutState::Paused && device_.wanted_version != release_->version) {
      return say("paused", "the rollout of " + version + " is paused and it has not begun",
                 "It begins after mcu-ota resume " + release_->id);
    }
    if (!online()) {
      return say("offline", absence() + ", and has not begun with " + version,
                 "It begins by itself when it connects" + renewal());
    }
    if (device_.wanted_version != release_->version) {
      return say("not_offered_yet",
                 "it is online, but its twin does not ask for " + version + " yet",
                 "The hub writes it within five minutes (the local hub at once).");
    }
    if (token_ended()) return token_over("it is asked for " + version);
    if (report_.status.empty()) {
      return say("offered", "it is online and asked for " + version + ", but has reported nothing",
                 "It should report within a minute; if not, look at the agent's log on the "
                 "device.");
    }
    return say("offered", "it is online and asked for " + version + ", but has not begun" + idle(),
               "It should begin within a minute; if not, look at the agent's log on the device.");
  }

  /// What a device that rests says about something else.
  std::string idle() const {
    const auto code = read_code(report_.code);
    if (!code || *code == Code::None) return "";
    return "; its last report: " + std::string(advice_of(*code).meaning);
  }

  Explanation wrong_product() const {
    const CodeAdvice advice = advice_of(Code::WrongProduct);
    return say("wrong_product", "it refused an offer because " + std::string(advice.meaning),
               std::string(advice.next));
  }

  std::string renewal() const {
    return token_ended() ? ", but its download token has ended: mcu-ota renew " + release_->id
                         : std::string(".");
  }

  Explanation token_over(const std::string& where) const {
    return say("token_ended",
               where + ", but the download token ended at " +
                   contract::to_iso8601(release_->token_expires),
               "Renew it, then it goes on by itself: mcu-ota renew " + release_->id);
  }

  bool needs_token() const {
    return report_.phase == "downloading" || report_.phase == "waiting" || report_.phase.empty();
  }

  Explanation under_way() const {
    const std::string version = version_text(release_->version);
    const auto code = read_code(report_.code);
    std::string where = "it " + in_words(report_.phase) + " (" + version + ")" + since();
    if (report_.phase == "downloading" && report_.progress_percent) {
      where += ", " + std::to_string(*report_.progress_percent) + " % of it are there";
    }
    if (!online()) {
      return say("offline_under_way", where + ", but " + absence(),
                 "It goes on by itself" + renewal());
    }
    if (needs_token() && token_ended()) return token_over(where);
    const auto age = age_of(report_.since, now_);
    if (!code && !report_.code.empty()) {
      return say("waiting",
                 where + ", for a reason that this program has no words for: '" + report_.code +
                     "'" + detail(),
                 "It tries again by itself.");
    }
    if (code && *code != Code::None) {
      const CodeAdvice advice = advice_of(*code);
      return say(report_.phase == "rolling_back" ? "rolling_back" : "waiting",
                 where + " because " + std::string(advice.meaning), std::string(advice.next));
    }
    if (age && *age > kSilentSeconds) {
      return say("silent", where + " and has not said a word since, though it is online",
                 "Look at the agent's log on the device; it may hang.");
    }
    return say(report_.phase.empty() ? "under_way" : report_.phase, where, next_of_phase());
  }

  std::string next_of_phase() const {
    if (report_.phase == "downloading") return "It verifies the image and programs the MCU.";
    if (report_.phase == "verifying") return "It programs the MCU.";
    if (report_.phase == "programming") return "It asks the MCU which version it runs.";
    if (report_.phase == "confirming") return "If the MCU names the new version, it is done.";
    if (report_.phase == "rolling_back") return "It reports that the update failed.";
    return "It goes on by itself.";
  }

  const DeviceState& device_;
  const contract::ReportView& report_;
  UnixSeconds now_;
  std::vector<DeployedRelease> mine_;
  std::optional<DeployedRelease> release_;
};

}  // namespace

CodeAdvice advice_of(Code code) {
  const auto index = static_cast<std::size_t>(code);
  return index < kAdvice.size() ? kAdvice[index].words : CodeAdvice{};
}

Explanation explain(const DeviceState& device, const std::vector<DeployedRelease>& releases,
                    UnixSeconds now) {
  return Explainer(device, releases, now).run();
}

Outcome<ExplainedDevice> explain_device(rest::HubClient& hub, std::string_view id,
                                        UnixSeconds now) {
  OTA_TRY(DeviceState device, show_device(hub, id));
  OTA_TRY(const auto configurations, outcome_of(hub.list_configurations()));
  std::vector<DeployedRelease> releases;
  for (const rest::Configuration& configuration : configurations) {
    if (auto release = read_release(configuration)) releases.push_back(std::move(*release));
  }
  Explanation explanation = explain(device, releases, now);
  return ExplainedDevice{.device = std::move(device), .explanation = std::move(explanation)};
}

}  // namespace ota::rollout
