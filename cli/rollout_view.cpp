#include "cli/rollout_view.hpp"

#include <nlohmann/json.hpp>

#include "cli/output.hpp"
#include "cli/text_of.hpp"

namespace ota::cli {

using Json = nlohmann::json;
using rollout::CodeCount;
using rollout::Tally;

namespace {

Json text_json(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

}  // namespace

Json release_json(const rollout::DeployedRelease& release, std::uint32_t superseded_by) {
  Json out = {{"configuration", release.id},
              {"product", release.product},
              {"group", release.group},
              {"version", release.version},
              {"revision", release.revision},
              {"state", to_text(release.state)},
              {"supersededBy", nullptr},
              {"file", release.file_name},
              {"sha256", release.sha256},
              {"sizeBytes", nullptr},
              {"mcuVersion", text_json(release.mcu_version)},
              {"url", text_json(release.url)},
              {"tokenExpires", nullptr},
              {"created", release.created}};
  if (superseded_by != 0) out["supersededBy"] = superseded_by;
  if (release.size_bytes != 0) out["sizeBytes"] = release.size_bytes;
  if (release.token_expires != 0) {
    out["tokenExpires"] = contract::to_iso8601(release.token_expires);
  }
  return out;
}

Json tally_json(const Tally& tally) {
  return {{"targeted", tally.targeted},
          {"waiting", tally.waiting},
          {"downloading", tally.downloading},
          {"interrupted", tally.interrupted},
          {"applying", tally.applying},
          {"applied", tally.done},
          {"error", tally.failed},
          {"newer", tally.newer}};
}

Json failures_json(const std::vector<CodeCount>& failures) {
  Json out = Json::array();
  for (const CodeCount& one : failures) {
    out.push_back({{"code", text_json(one.code)}, {"devices", one.devices}});
  }
  return out;
}

Json sight_json(const rollout::Sight& sight) {
  Json out = release_json(sight.release, sight.superseded_by);
  out["counts"] = tally_json(sight.tally);
  out["failures"] = failures_json(sight.tally.failures);
  return out;
}

std::string state_text(const rollout::DeployedRelease& release, std::uint32_t superseded_by) {
  std::string text(to_text(release.state));
  if (superseded_by != 0) text += " (superseded by " + std::to_string(superseded_by) + ")";
  return text;
}

std::string tally_text(const Tally& tally) {
  if (tally.targeted == 0) return "no device has these tags";
  std::string text = "done " + count_text(tally.done) + " of " + count_text(tally.targeted);
  const auto add = [&text](const char* name, std::int64_t count) {
    if (count != 0) text += std::string(", ") + name + " " + count_text(count);
  };
  add("downloading", tally.downloading);
  add("interrupted", tally.interrupted);
  add("applying", tally.applying);
  add("failed", tally.failed);
  add("newer", tally.newer);
  add("waiting", tally.waiting);
  return text;
}

std::string failures_text(const std::vector<CodeCount>& failures) {
  constexpr std::size_t kShownMax = 5;
  std::string text;
  for (std::size_t i = 0; i < failures.size() && i < kShownMax; ++i) {
    const std::string code = failures[i].code.empty() ? "no code" : printable(failures[i].code);
    text += (text.empty() ? "" : ", ") + code + " " + count_text(failures[i].devices);
  }
  if (failures.size() <= kShownMax) return text;
  return text + ", and " + std::to_string(failures.size() - kShownMax) + " more";
}

}  // namespace ota::cli
