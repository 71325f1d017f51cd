#pragma once

// What the checks of `mcu-ota doctor` found.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ota::doctor {

enum class Verdict : std::uint8_t { Ok, Warning, Failed, Skipped };

/// "ok", "warning", "failed", "skipped".
std::string_view to_text(Verdict verdict);

struct Finding {
  std::string check = {};  // stable: "hub.key"
  Verdict verdict = Verdict::Ok;
  std::string detail = {};  // what was seen; never a secret
  std::string fix = {};     // what to do about it; empty: nothing
};

/// Collects findings and shows each one as soon as it is there: some take a time-out.
class Findings {
 public:
  using OnFinding = std::function<void(const Finding&)>;
  explicit Findings(OnFinding on_finding = {}) : on_finding_(std::move(on_finding)) {}

  void ok(std::string check, std::string detail);
  void warning(std::string check, std::string detail, std::string fix);
  void failed(std::string check, std::string detail, std::string fix);
  void skipped(std::string check, std::string why);

  const std::vector<Finding>& all() const { return all_; }
  std::size_t count(Verdict verdict) const;
  /// Whether this check was made and failed.
  bool has_failed(std::string_view check) const;

 private:
  void add(Finding finding);

  OnFinding on_finding_;
  std::vector<Finding> all_;
};

}  // namespace ota::doctor
