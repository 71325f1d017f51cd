#include "cloud/doctor/findings.hpp"

#include <algorithm>

namespace ota::doctor {

std::string_view to_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::Ok:
      return "ok";
    case Verdict::Warning:
      return "warning";
    case Verdict::Failed:
      return "failed";
    case Verdict::Skipped:
      return "skipped";
  }
  return "unknown";
}

void Findings::add(Finding finding) {
  all_.push_back(std::move(finding));
  if (on_finding_) on_finding_(all_.back());
}

void Findings::ok(std::string check, std::string detail) {
  add({.check = std::move(check), .verdict = Verdict::Ok, .detail = std::move(detail)});
}

void Findings::warning(std::string check, std::string detail, std::string fix) {
  add({.check = std::move(check),
       .verdict = Verdict::Warning,
       .detail = std::move(detail),
       .fix = std::move(fix)});
}

void Findings::failed(std::string check, std::string detail, std::string fix) {
  add({.check = std::move(check),
       .verdict = Verdict::Failed,
       .detail = std::move(detail),
       .fix = std::move(fix)});
}

void Findings::skipped(std::string check, std::string why) {
  add({.check = std::move(check), .verdict = Verdict::Skipped, .detail = std::move(why)});
}

std::size_t Findings::count(Verdict verdict) const {
  return static_cast<std::size_t>(
      std::count_if(all_.begin(), all_.end(),
                    [verdict](const Finding& finding) { return finding.verdict == verdict; }));
}

bool Findings::has_failed(std::string_view check) const {
  return std::any_of(all_.begin(), all_.end(), [check](const Finding& finding) {
    return finding.check == check && finding.verdict == Verdict::Failed;
  });
}

}  // namespace ota::doctor
