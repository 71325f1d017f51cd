#include "device/host/net/desired_mirror.hpp"

#include <nlohmann/json.hpp>

#include "contract/json/json_text.hpp"
#include "contract/limits.hpp"

namespace ota::net {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kVersionKey = "$version";

// Desired, reported and both their metadata; the service sends at most about this much.
constexpr std::size_t kTwinBytesMax = 4 * contract::kTwinSectionBytesMax;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

DesiredMirror::Change DesiredMirror::replace(std::string_view twin) {
  if (twin.size() > kTwinBytesMax) return Change::Malformed;
  const Json document = contract::read_json(twin);
  if (!document.is_object()) return Change::Malformed;
  const auto desired = document.find("desired");
  if (desired == document.end() || !desired->is_object()) return Change::Malformed;
  const auto version = desired->find(kVersionKey);
  if (version == desired->end() || !version->is_number_unsigned()) return Change::Malformed;
  version_ = version->get<std::uint64_t>();
  desired_ = dump(*desired);
  return Change::Applied;
}

DesiredMirror::Change DesiredMirror::merge(std::uint64_t version, std::string_view patch) {
  if (version <= version_) return Change::Stale;
  if (version != version_ + 1) return Change::Gap;
  if (patch.size() > kTwinBytesMax) return Change::Malformed;
  const Json changes = contract::read_json(patch);
  if (!changes.is_object()) return Change::Malformed;
  Json desired = contract::read_json(desired_);
  desired.merge_patch(changes);
  desired_ = dump(desired);
  version_ = version;
  return Change::Applied;
}

std::optional<std::string> DesiredMirror::property(std::string_view name) const {
  const Json desired = contract::read_json(desired_);
  const auto value = desired.find(name);
  if (value == desired.end() || value->is_null()) return std::nullopt;
  return dump(*value);
}

}  // namespace ota::net
