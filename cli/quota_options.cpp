#include "cli/quota_options.hpp"

#include <CLI/CLI.hpp>

#include "cli/session.hpp"

namespace ota::cli {

void add_quota_options(CLI::App& verb, QuotaOptions& options) {
  verb.add_option("--tier", options.tier,
                  "Edition of the hub (default: the profile's, else S1 for Azure)")
      ->check(CLI::IsMember({"F1", "S1", "S2", "S3"}));
  verb.add_option("--units", options.units,
                  "Units of that edition (default: the profile's, else 1)")
      ->check(CLI::Range(1U, profile::kUnitsMax))
      ->type_name("N");
}

std::optional<rollout::Quotas> quotas_for(const Session& session, const QuotaOptions& options) {
  const Session::Edition& known = session.edition();
  const std::string& name = options.tier.empty() ? known.tier : options.tier;
  const std::uint32_t units = options.units == 0 ? known.units : options.units;
  if (const auto tier = rollout::read_tier(name)) return rollout::quotas_of(*tier, units);
  if (known.kind == profile::Kind::Local) return std::nullopt;
  return rollout::quotas_of(rollout::Tier::S1, units);
}

}  // namespace ota::cli
