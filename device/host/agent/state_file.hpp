#pragma once

// What the agent keeps outside the flash chip: the assignment by DPS and a copy of the engine's
// truth. JSON, replaced whole.

#include <mutex>
#include <optional>
#include <string>

#include "contract/azure/sas.hpp"
#include "device/core/engine/ports.hpp"
#include "device/host/net/dps_session.hpp"

namespace ota::agent {

/// An assignment holds only for the registration that it was made for.
struct CachedAssignment {
  std::string registration;  // "{dps host}/{id scope}/{registration id}"
  net::Assignment assignment;

  friend bool operator==(const CachedAssignment&, const CachedAssignment&) = default;
};

/// Used by both threads.
class StateFile final : public engine::TruthKeeper {
 public:
  /// An absent or unreadable file counts as empty; the latter is logged. Errors: the folder cannot
  /// be written.
  explicit StateFile(std::string path);

  std::optional<engine::Truth> load() noexcept override;
  void save(const engine::Truth& truth) noexcept override;

  std::optional<CachedAssignment> assignment() const;
  void save_assignment(std::optional<CachedAssignment> assignment, contract::UnixSeconds now);

  /// The time of the last write by a clock that was set; 0 if unknown.
  contract::UnixSeconds saved_at() const;
  void set_time(contract::UnixSeconds now);

 private:
  void read();
  void write();  // with mutex_ held

  std::string path_;
  mutable std::mutex mutex_;
  std::optional<engine::Truth> truth_;
  std::optional<CachedAssignment> assignment_;
  contract::UnixSeconds saved_at_ = 0;
};

}  // namespace ota::agent
