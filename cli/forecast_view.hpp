#pragma once

// What `deploy --dry-run` says about who would get a release and how long that takes.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "cli/output.hpp"
#include "cloud/rollout/forecast.hpp"

namespace ota::cli {

class Session;

struct Plan {
  rollout::Audience audience = {};
  rollout::Forecast forecast = {};
  std::optional<rollout::Quotas> quotas = {};
};

Result<Plan, Problem> make_plan(Session& session, const rollout::DeployRequest& request,
                                std::uint64_t image_bytes,
                                const std::optional<rollout::Quotas>& quotas);

nlohmann::json plan_json(const Plan& plan);
std::string plan_text(const Plan& plan);

}  // namespace ota::cli
