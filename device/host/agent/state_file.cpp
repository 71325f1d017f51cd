#include "device/host/agent/state_file.hpp"

#include <spdlog/spdlog.h>

#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "base/encoding.hpp"
#include "device/host/agent/atomic_file.hpp"

namespace ota::agent {
namespace {

using Json = nlohmann::json;
using engine::Truth;

constexpr int kFormat = 1;

Json encode(const Truth& truth) {
  const store::Refusal& refusal = truth.refusal;
  const store::Outcome& outcome = truth.outcome;
  return {{"mcuVersion", truth.mcu_version},
          {"mcuVersionText", truth.mcu_version_text.view()},
          {"refusal",
           {{"version", refusal.identity.version},
            {"sha256", to_hex(refusal.identity.sha256)},
            {"attempt", refusal.identity.attempt},
            {"code", static_cast<std::uint8_t>(refusal.code)}}},
          {"outcome",
           {{"number", outcome.number},
            {"acknowledged", outcome.acknowledged},
            {"status", static_cast<std::uint8_t>(outcome.status)},
            {"code", static_cast<std::uint8_t>(outcome.code)},
            {"target", outcome.target},
            {"attempt", outcome.attempt}}}};
}

/// A whole number that the type holds: the JSON library would convert any number, and cut it.
template <class Number>
Number number_at(const Json& object, const char* key) {
  const Json& value = object.at(key);
  const auto largest = static_cast<std::uint64_t>(std::numeric_limits<Number>::max());
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > largest)
    throw std::out_of_range(key);
  return value.get<Number>();
}

contract::Code code_at(const Json& object, const char* key) {
  const auto value = number_at<std::uint8_t>(object, key);
  return value < contract::kCodeCount ? static_cast<contract::Code>(value) : contract::Code::None;
}

contract::StatusWord status_at(const Json& object, const char* key) {
  const auto value = number_at<std::uint8_t>(object, key);
  constexpr auto last = static_cast<std::uint8_t>(contract::StatusWord::Error);
  return value <= last ? static_cast<contract::StatusWord>(value) : contract::StatusWord::None;
}

/// Throws for a member that is absent, of a wrong type or out of its range.
Truth decode(const Json& json) {
  Truth truth;
  truth.mcu_version = number_at<std::uint32_t>(json, "mcuVersion");
  truth.mcu_version_text.assign_truncated(json.at("mcuVersionText").get_ref<const std::string&>());
  const Json& refusal = json.at("refusal");
  truth.refusal.identity.version = number_at<std::uint32_t>(refusal, "version");
  truth.refusal.identity.attempt = number_at<std::uint32_t>(refusal, "attempt");
  truth.refusal.identity.sha256 =
      digest_from_hex(refusal.at("sha256").get_ref<const std::string&>()).value_or(Digest{});
  truth.refusal.code = code_at(refusal, "code");
  const Json& outcome = json.at("outcome");
  truth.outcome.number = number_at<std::uint32_t>(outcome, "number");
  outcome.at("acknowledged").get_to(truth.outcome.acknowledged);
  truth.outcome.status = status_at(outcome, "status");
  truth.outcome.code = code_at(outcome, "code");
  truth.outcome.target = number_at<std::uint32_t>(outcome, "target");
  truth.outcome.attempt = number_at<std::uint32_t>(outcome, "attempt");
  return truth;
}

}  // namespace

StateFile::StateFile(std::string path) : path_(std::move(path)) { read(); }

std::optional<Truth> StateFile::load() noexcept {
  const std::lock_guard lock(mutex_);
  return truth_;
}

void StateFile::save(const Truth& truth) noexcept {
  const std::lock_guard lock(mutex_);
  if (truth_ == truth) return;
  truth_ = truth;
  write();
}

std::optional<CachedAssignment> StateFile::assignment() const {
  const std::lock_guard lock(mutex_);
  return assignment_;
}

void StateFile::save_assignment(std::optional<CachedAssignment> assignment,
                                contract::UnixSeconds now) {
  const std::lock_guard lock(mutex_);
  if (assignment_ == assignment) return;
  assignment_ = std::move(assignment);
  saved_at_ = now;
  write();
}

contract::UnixSeconds StateFile::saved_at() const {
  const std::lock_guard lock(mutex_);
  return saved_at_;
}

void StateFile::set_time(contract::UnixSeconds now) {
  const std::lock_guard lock(mutex_);
  saved_at_ = now;
  write();
}

void StateFile::read() {
  std::ifstream stream(path_, std::ios::binary);
  if (!stream) return;
  const std::string text((std::istreambuf_iterator<char>(stream)),
                         std::istreambuf_iterator<char>());
  try {
    const Json json = Json::parse(text);
    if (json.at("format") != kFormat) {
      spdlog::warn("{}: written by another version of the agent; starting without it", path_);
      return;
    }
    saved_at_ = number_at<contract::UnixSeconds>(json, "savedAt");
    if (const auto found = json.find("assignment"); found != json.end()) {
      assignment_ = CachedAssignment{
          found->at("registration").get<std::string>(),
          {found->at("hub").get<std::string>(), found->at("device").get<std::string>()}};
    }
    if (const auto found = json.find("truth"); found != json.end()) truth_ = decode(*found);
  } catch (const std::exception&) {
    spdlog::warn("{}: not readable; starting without it", path_);
  }
}

void StateFile::write() {
  Json json = {{"format", kFormat}, {"savedAt", saved_at_}};
  if (assignment_) {
    json["assignment"] = {{"registration", assignment_->registration},
                          {"hub", assignment_->assignment.hub_host},
                          {"device", assignment_->assignment.device_id}};
  }
  if (truth_) json["truth"] = encode(*truth_);
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  if (const auto written = write_atomically(path_, text); !written) {
    spdlog::error("state file: {}", written.error());
  }
}

}  // namespace ota::agent
