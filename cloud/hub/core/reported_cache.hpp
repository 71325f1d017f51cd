#pragma once

// The reported sections that devices wrote last, parsed: a device that reports again costs no
// reading. Only a guess of what is stored, which the statement that writes checks.

#include <cstddef>
#include <cstdint>
#include <list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>

namespace ota::hub {

struct ReportedSection {
  std::string device_id;
  std::int64_t sequence = 0;  // of the stored row; a device that is made anew has another one
  nlohmann::json document;
  nlohmann::json metadata;
  std::uint64_t version = 1;
  std::size_t text_bytes = 0;  // of both, as stored
};

class ReportedCache {
 public:
  /// Parsed JSON takes several times the memory of its text.
  static constexpr std::size_t kTextBytesMax = 4 * 1024 * 1024;
  static constexpr std::size_t kSectionsMax = 20'000;

  /// Null if it is not there. Valid until the next call of keep or drop.
  ReportedSection* find(std::string_view device_id) {
    const auto found = by_id_.find(device_id);
    if (found == by_id_.end()) return nullptr;
    recent_.splice(recent_.begin(), recent_, found->second);
    return &*found->second;
  }

  ReportedSection& keep(ReportedSection section) {
    drop(section.device_id);
    text_bytes_ += section.text_bytes;
    recent_.push_front(std::move(section));
    by_id_.emplace(recent_.front().device_id, recent_.begin());
    while (recent_.size() > 1 && (text_bytes_ > kTextBytesMax || recent_.size() > kSectionsMax))
      erase(std::prev(recent_.end()));
    return recent_.front();
  }

  /// The text of a section that is kept has another size now.
  void resize(ReportedSection& section, std::size_t text_bytes) {
    text_bytes_ += text_bytes - section.text_bytes;
    section.text_bytes = text_bytes;
  }

  void drop(std::string_view device_id) {
    const auto found = by_id_.find(device_id);
    if (found != by_id_.end()) erase(found->second);
  }

  std::size_t size() const { return recent_.size(); }

 private:
  using Recent = std::list<ReportedSection>;  // the last used one first
  void erase(Recent::iterator section) {
    text_bytes_ -= section->text_bytes;
    by_id_.erase(section->device_id);
    recent_.erase(section);
  }

  Recent recent_;
  std::unordered_map<std::string_view, Recent::iterator> by_id_;  // each section owns its id
  std::size_t text_bytes_ = 0;
};

}  // namespace ota::hub
