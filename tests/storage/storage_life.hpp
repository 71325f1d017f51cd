#pragma once

// One storage life under power cuts: what the store promised, and whether it kept it.

#include <optional>
#include <string>
#include <vector>

#include "device/core/store/store.hpp"

namespace ota::test {

/// What storage has promised so far; a cut may take nothing of it.
struct Promised {
  bool formatted = false;
  std::uint32_t journal = 0;          // number of the last record whose write returned
  std::uint32_t journal_begun = 0;    // number of the record that was being written
  std::uint32_t durable_bytes = 0;    // of the candidate, up to the last block boundary
  std::uint32_t current_version = 0;  // of the image whose promotion returned
  std::uint32_t current_begun = 0;
};

/// Installs two images, one after the other, with a journal record before and after each. Lives on
/// from whatever is on the flash, after any number of cuts, and collects each broken promise.
class StorageLife {
 public:
  explicit StorageLife(store::Store& store) : store_(store) {}

  /// Until both images were current, or the first error (a cut).
  Status go_on();

  /// Mounts and checks once more.
  void check_at_the_end();

  const std::vector<std::string>& broken_promises() const { return broken_; }

 private:
  void require(bool kept, std::string promise) {
    if (!kept) broken_.push_back(std::move(promise));
  }
  void check();
  void check_journal();
  void check_current();
  void check_candidate();
  std::uint32_t version_of_current();
  Status mount();
  Status note();
  Status install(Bytes image, std::uint32_t version);

  store::Store& store_;
  Promised promised_;
  std::vector<std::string> broken_;
};

}  // namespace ota::test
