#include "contract/json/report_json.hpp"

#include <nlohmann/json.hpp>

#include "contract/json/json_text.hpp"
#include "contract/offer.hpp"

namespace ota::contract {

using Json = nlohmann::json;

std::string encode_report_patch(const Report& report, std::string_view since) {
  Json value = {{report_key::kStatus, to_text(report.status)},
                {report_key::kError, to_text(sample_error_of(report.code))},
                {report_key::kVersion, report.version},
                {report_key::kPhase, to_text(report.phase)},
                {report_key::kCode, to_text(report.code)},
                {report_key::kDetail, report.detail.view()},
                {report_key::kTarget, report.target},
                {report_key::kProgress, report.progress_percent},
                {report_key::kAttempt, report.attempt}};
  value[std::string(report_key::kSince)] = since.empty() ? Json(nullptr) : Json(since);
  const Json patch = {{std::string(kProperty), std::move(value)}};
  return patch.dump(-1, ' ', false, Json::error_handler_t::replace);
}

ReportView parse_report(std::string_view json) {
  ReportView out;
  const Json value = read_json(json);
  if (!value.is_object()) return out;
  const auto text = [&value](std::string_view key) {
    const auto it = value.find(key);
    return it != value.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  const auto number = [&value](std::string_view key) -> std::optional<std::uint32_t> {
    const auto it = value.find(key);
    if (it == value.end() || !it->is_number_unsigned() || it->get<std::uint64_t>() > 0xFFFFFFFFU)
      return std::nullopt;
    return it->get<std::uint32_t>();
  };
  out.status = text(report_key::kStatus);
  out.error = text(report_key::kError);
  out.phase = text(report_key::kPhase);
  out.code = text(report_key::kCode);
  out.detail = text(report_key::kDetail);
  out.since = text(report_key::kSince);
  out.version = number(report_key::kVersion);
  out.target = number(report_key::kTarget);
  out.attempt = number(report_key::kAttempt);
  out.progress_percent = number(report_key::kProgress);
  return out;
}

}  // namespace ota::contract
