#pragma once

// What a device may never do, watched from outside: whatever fails, each of these is a defect.
// docs/reliability.md lists the promises in words.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/sha256.hpp"
#include "contract/status.hpp"
#include "device/core/mcu/programmer.hpp"
#include "device/core/store/store.hpp"
#include "sim/flash/flash_cells.hpp"
#include "sim/world/release.hpp"

namespace ota::sim {

/// Bytes that a power cut may make the device fetch again: the pieces since the last sync, and what
/// the network handed over in one go.
inline constexpr std::uint64_t kRefetchMaxBytes = (64U + 16U) * 1024U;

class Judge {
 public:
  /// Faults of the flash chip itself (wrong bits, bad blocks) void the promises about what it
  /// keeps, but not those about what is said and what is programmed.
  enum class Medium : std::uint8_t { Sound, Faulty };

  /// @param version  what the MCU runs from the start; 0: the factory image
  explicit Judge(std::uint32_t version) noexcept : confirmed_(version) {}

  void set_medium(Medium medium) noexcept { medium_ = medium; }
  Medium medium() const noexcept { return medium_; }
  /// The bus failed for a while: what the driver asked of a part that it could not see is no
  /// misuse.
  void excuse_bus_misuse() noexcept { bus_misuse_excused_ = true; }
  bool misuse_excused() const noexcept { return bus_misuse_excused_ || medium_ == Medium::Faulty; }

  /// An image that exists. One that cannot be verified or does not start is published all the same.
  void published(const Release& release);
  /// The bytes of a published image; empty: there is none.
  Bytes image(std::uint32_t version, const Digest& sha256) const;
  /// No device works on an offer any more whose image is not what the offer says.
  void lies_are_over() noexcept { server_lies_ = false; }
  /// What the twin asks for now.
  void offered(std::uint32_t version, std::uint32_t attempt) { offered_ = {version, attempt}; }

  // What the device does.
  void restarted(std::uint64_t bytes_read, bool power_was_cut) noexcept;
  /// Looks at a copy of the flash, as the device will find it.
  void look_at(const FlashCells& cells, std::uint32_t flash_bytes);
  void journal_read(std::uint32_t outcome_number);
  void reported(const contract::Report& report, std::uint32_t outcome_number,
                const std::string& mcu_runs);
  void programming_begins(const mcu::ImageInfo& image, std::uint64_t bytes_read);
  void requested(Instant now);
  /// A request has ended.
  /// @param further      it brought the download further than ever
  /// @param again_bytes  came before already, and nobody made them worthless
  void fetched(bool further, std::uint64_t again_bytes);
  /// A byte of the image came in.
  void handed_over(std::uint64_t bytes_read) noexcept { verified_from_ = bytes_read; }
  void rests_without_deadline(contract::Phase phase);
  void broke(std::string promise);

  /// It goes round in circles without end: there is nothing more to see.
  bool hopeless() const noexcept { return hopeless_; }
  const std::vector<std::string>& broken() const noexcept { return broken_; }
  std::uint64_t worst_refetch_bytes() const noexcept { return worst_refetch_bytes_; }
  std::uint64_t requests() const noexcept { return requests_; }
  std::uint32_t confirmed() const noexcept { return confirmed_; }

 private:
  using Work = std::pair<std::uint32_t, std::uint32_t>;  // version and attempt

  void bytes_lost() noexcept;
  bool is_whole(store::Store& store, const store::StoredImage& stored) const;
  void count_idle_request(Instant now);

  Medium medium_ = Medium::Sound;
  bool bus_misuse_excused_ = false;
  std::map<std::pair<std::uint32_t, Digest>, Release> releases_;
  Work offered_{};
  std::set<Work> refused_;
  std::map<Work, std::uint64_t> programmings_;
  bool hopeless_ = false;
  std::uint32_t confirmed_;     // the highest version that the device said it applied
  std::uint32_t outcomes_ = 0;  // the highest number that left the device
  bool had_file_system_ = false;
  bool mcu_between_images_ = false;  // from its erasure to the outcome nobody can know what it runs
  bool server_lies_ = false;

  std::uint64_t verified_from_ =
      0;  // bytes read off the flash when the last byte came, or at start

  std::uint64_t refetch_allowed_ = 0;  // by what was lost since the last new byte
  std::uint64_t refetched_ = 0;        // since the last loss
  std::uint64_t worst_refetch_bytes_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t idle_requests_ = 0;  // without a new byte, in this hour
  std::int64_t hour_ = 0;
  std::vector<std::string> broken_;
};

}  // namespace ota::sim
