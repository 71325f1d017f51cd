#include "cli/forecast_view.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/session.hpp"
#include "cli/text_of.hpp"

namespace ota::cli {
using Json = nlohmann::json;

Result<Plan, Problem> make_plan(Session& session, const rollout::DeployRequest& request,
                                std::uint64_t image_bytes,
                                const std::optional<rollout::Quotas>& quotas) {
  const auto audience = rollout::find_audience(session.hub(), request);
  if (!audience) return problem_of(audience.error());
  const std::int64_t devices = audience->to_update();
  const rollout::ForecastInput input{
      .devices = devices,
      .offline = std::min(devices, audience->tally.targeted - audience->online),
      .image_bytes = image_bytes};
  return Plan{
      .audience = *audience, .forecast = rollout::forecast(input, quotas), .quotas = quotas};
}

Json plan_json(const Plan& plan) {
  const rollout::Tally& tally = plan.audience.tally;
  Json out = {{"targeted", tally.targeted},
              {"applied", tally.done},
              {"newer", tally.newer},
              {"online", plan.audience.online},
              {"toUpdate", plan.audience.to_update()},
              {"egressBytes", plan.forecast.egress_bytes},
              {"tier", nullptr},
              {"units", nullptr},
              {"seconds", nullptr},
              {"messages", nullptr},
              {"bottleneck", nullptr},
              {"sentence", bottleneck_sentence(plan.forecast, plan.quotas)},
              {"steps", Json::array()}};
  if (!plan.quotas) return out;
  out["tier"] = to_text(plan.quotas->tier);
  out["units"] = plan.quotas->units;
  out["seconds"] = plan.forecast.seconds;
  out["messages"] = plan.forecast.messages;
  out["bottleneck"] = to_text(plan.forecast.bottleneck.what);
  for (const rollout::ForecastStep& step : plan.forecast.steps) {
    out["steps"].push_back({{"limit", to_text(step.what)},
                            {"amount", step.amount},
                            {"perSecond", step.per_second},
                            {"seconds", step.seconds}});
  }
  return out;
}

std::string plan_text(const Plan& plan) {
  const rollout::Audience& audience = plan.audience;
  std::string text = "  targets  " + count_text(audience.tally.targeted) + " devices now, " +
                     count_text(audience.online) + " of them online; " +
                     count_text(audience.to_update()) + " need it, " +
                     count_text(audience.tally.done) + " run it already";
  if (audience.tally.newer > 0)
    text += ", " + count_text(audience.tally.newer) + " run a newer one";
  text += "\n  traffic  " + size_text(static_cast<std::uint64_t>(plan.forecast.egress_bytes)) +
          " of downloads";
  if (plan.quotas) {
    text += ", " + grouped_text(static_cast<std::uint64_t>(plan.forecast.messages)) +
            " messages of " + grouped_text(plan.quotas->messages_per_day) + " a day\n  time     " +
            (plan.forecast.seconds > 0 ? "at least " + duration_text(plan.forecast.seconds) +
                                             ", and what each device needs to download and program"
                                       : "none");
  }
  return text + "\n  limit    " + bottleneck_sentence(plan.forecast, plan.quotas) + "\n";
}

}  // namespace ota::cli
