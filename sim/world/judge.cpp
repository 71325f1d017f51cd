#include "sim/world/judge.hpp"

#include <algorithm>
#include <array>

#include "device/core/flash/w25q.hpp"
#include "sim/flash/sim_w25q.hpp"

namespace ota::sim {
namespace {

using contract::Code;
using contract::Phase;
using contract::StatusWord;

constexpr std::uint64_t kIdleRequestsMax = 120;  // in an hour; the back-off grows to 15 minutes
// Three failures, and the twenty interruptions after which a device waits for a day.
constexpr std::uint64_t kProgrammingsMax = 60;
constexpr std::size_t kBrokenMax = 20;  // one defect breaks its promise again and again

/// After these a device has to leave the offer alone.
bool ends_the_offer(Code code) {
  return code == Code::RolledBack || code == Code::RollbackUnavailable ||
         code == Code::HashMismatch || code == Code::TooLarge;
}

std::string number(std::uint64_t value) { return std::to_string(value); }

}  // namespace

void Judge::broke(std::string promise) {
  if (broken_.size() < kBrokenMax) broken_.push_back(std::move(promise));
}

void Judge::published(const Release& release) {
  server_lies_ = server_lies_ || release.lies;
  if (!release.lies) releases_[{release.version, release.sha256}] = release;
}

Bytes Judge::image(std::uint32_t version, const Digest& sha256) const {
  const auto known = releases_.find({version, sha256});
  return known == releases_.end() ? Bytes() : Bytes(*known->second.image);
}

void Judge::restarted(std::uint64_t bytes_read, bool power_was_cut) noexcept {
  verified_from_ = bytes_read;
  if (power_was_cut) bytes_lost();
}

void Judge::look_at(const FlashCells& cells, std::uint32_t flash_bytes) {
  if (medium_ == Medium::Faulty) return;
  SimW25q part(cells, {.size_bytes = flash_bytes});
  flash::W25q driver(part);
  store::Store store(driver);
  const auto mounted = store.mount();
  if (!mounted) return broke(std::string("the flash mounts: ") + to_text(mounted.error()));
  if (*mounted != store::MountOutcome::Mounted) {
    if (had_file_system_) broke("a file system is never lost to a power cut");
    return;
  }
  had_file_system_ = true;
  const auto current = store.find(store::Slot::Current);
  if (!current) {
    if (confirmed_ > 0) broke("the confirmed image stays on the flash");
    return;
  }
  const std::uint32_t version = current->identity.version;
  if (!is_whole(store, *current)) {
    broke("the image in the slot `current` is whole: version " + number(version));
  }
  if (version < confirmed_) broke("the slot `current` never goes back");
}

bool Judge::is_whole(store::Store& store, const store::StoredImage& stored) const {
  const Bytes right = image(stored.identity.version, stored.identity.sha256);
  if (right.empty() || right.size() != stored.stored_bytes) return false;
  std::array<std::byte, 4096> buffer{};
  for (std::uint32_t at = 0; at < right.size();) {
    const auto count = store.read(store::Slot::Current, at, buffer);
    if (!count || *count == 0) return false;
    const Bytes piece = Bytes(buffer).first(*count);
    if (!std::equal(piece.begin(), piece.end(), right.begin() + at)) return false;
    at += static_cast<std::uint32_t>(*count);
  }
  return true;
}

void Judge::journal_read(std::uint32_t outcome_number) {
  if (medium_ == Medium::Sound && outcome_number < outcomes_) {
    broke("an outcome that was reported is remembered: " + number(outcomes_) + ", found " +
          number(outcome_number));
  }
}

void Judge::reported(const contract::Report& report, std::uint32_t outcome_number,
                     const std::string& mcu_runs) {
  outcomes_ = std::max(outcomes_, outcome_number);
  const std::string claim = "a report is so: " + std::string(to_text(report.status)) + " (" +
                            std::string(to_text(report.code)) + "), version " +
                            number(report.version) + " while the MCU runs '" + mcu_runs + "'";
  const bool right = mcu_runs == number(report.version);
  if (report.status == StatusWord::Applied && report.version > 0 && !right) broke(claim);
  if (report.code == Code::RolledBack && report.version > 0 && !right) broke(claim);
  if (report.phase == Phase::Idle) mcu_between_images_ = false;
  if (!mcu_between_images_ && report.version > 0 && !right) broke(claim);
  if (report.status == StatusWord::Applied && report.version > confirmed_) {
    confirmed_ = report.version;
  }
  if (report.status == StatusWord::Error && outcome_number != 0 && ends_the_offer(report.code)) {
    refused_.insert({report.target, report.attempt});
  }
  // What was not synced is lost with the flash, as by a power cut.
  if (report.code == Code::StorageFailed) bytes_lost();
  if (medium_ == Medium::Sound && report.code == Code::StorageCorrupt) {
    broke("power faults never damage the file system");
  }
}

void Judge::programming_begins(const mcu::ImageInfo& image, std::uint64_t bytes_read) {
  mcu_between_images_ = true;
  if (++programmings_[{image.version, offered_.second}] == kProgrammingsMax) {
    broke("an image that does not run is given up");
    hopeless_ = true;
  }
  if (bytes_read < verified_from_ + image.size_bytes) {
    broke("an image is verified from the flash before the MCU is erased: " +
          number(bytes_read - verified_from_) + " bytes read of " + number(image.size_bytes));
  }
  if (image.version < confirmed_) {
    broke("versions only go up: " + number(image.version) + " after " + number(confirmed_));
  }
  if (!releases_.contains({image.version, image.sha256})) {
    broke("only a published image reaches the MCU: version " + number(image.version));
  }
  if (image.version == offered_.first && refused_.contains(offered_)) {
    broke("an offer that failed for good is not tried again");
  }
}

void Judge::requested(Instant now) {
  ++requests_;
  if (refused_.contains(offered_)) broke("an offer that failed for good is not fetched again");
  count_idle_request(now);
}

void Judge::bytes_lost() noexcept {
  refetch_allowed_ += kRefetchMaxBytes;
  refetched_ = 0;
}

void Judge::fetched(bool further, std::uint64_t again_bytes) {
  if (further) idle_requests_ = 0;
  if (medium_ == Medium::Faulty || server_lies_) return;
  refetched_ += again_bytes;
  worst_refetch_bytes_ = std::max(worst_refetch_bytes_, refetched_);
  if (again_bytes > refetch_allowed_) {
    broke("no byte is fetched twice without need: " + number(again_bytes) + " of " +
          number(refetch_allowed_) + " allowed");
  }
  refetch_allowed_ = further ? 0 : refetch_allowed_ - std::min(refetch_allowed_, again_bytes);
}

void Judge::count_idle_request(Instant now) {
  const auto hour = std::chrono::duration_cast<std::chrono::hours>(now.time_since_epoch()).count();
  if (hour != hour_) idle_requests_ = 0;
  hour_ = hour;
  if (++idle_requests_ == kIdleRequestsMax) broke("a server that gives nothing is left in peace");
  hopeless_ = hopeless_ || idle_requests_ > 10 * kIdleRequestsMax;
}

void Judge::rests_without_deadline(contract::Phase phase) {
  broke("each phase has a deadline: " + std::string(to_text(phase)));
}

}  // namespace ota::sim
