#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cloud/rollout/quotas.hpp"

namespace CLI {
class App;
}

namespace ota::cli {

class Session;

struct QuotaOptions {
  std::string tier = {};    // empty: the profile's
  std::uint32_t units = 0;  // 0: the profile's
};

/// --tier and --units, for hubs whose profile does not name them.
void add_quota_options(CLI::App& verb, QuotaOptions& options);

/// What the hub allows: the options, else the profile; for Azure without either, S1 with one unit.
/// Nothing for a local hub that keeps no quotas.
std::optional<rollout::Quotas> quotas_for(const Session& session, const QuotaOptions& options);

}  // namespace ota::cli
