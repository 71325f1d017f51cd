#include "cloud/hub/core/change_group.hpp"

namespace ota::hub {

void ChangeGroup::take(std::size_t bytes, std::unique_ptr<Change> change) {
  changes_.push_back(std::move(change));
  bytes_ += bytes;
  if (!commit_soon_ || changes_.size() >= kGroupChangesMax || bytes_ >= kGroupBytesMax)
    return commit();
  if (changes_.size() == 1) commit_soon_();
}

void ChangeGroup::commit() {
  if (committing_) return;
  const struct Flag {
    explicit Flag(bool& of) : flag(of) { flag = true; }
    Flag(const Flag&) = delete;
    Flag& operator=(const Flag&) = delete;
    ~Flag() { flag = false; }
    bool& flag;
  } inside(committing_);
  while (!changes_.empty()) {
    const Changes changes = std::exchange(changes_, {});
    bytes_ = 0;
    const auto stored = store(changes);
    const auto failure = stored ? std::nullopt : std::optional<Failure>(stored.error());
    for (const auto& change : changes) {
      if (stored) change->notices.deliver(links_);
      change->answer(failure);
    }
  }
}

Outcome<Ok> ChangeGroup::store(const Changes& changes) const {
  OTA_TRY(auto transaction, Transaction::begin(database_));
  for (const auto& change : changes) OTA_TRY(store_one(*change));
  return transaction.commit();
}

/// The error is one of the whole group; a change that fails by itself is undone and goes no
/// further.
Outcome<Ok> ChangeGroup::store_one(Change& change) const {
  OTA_TRY(auto part, Savepoint::begin(database_));
  const auto applied = change.apply();
  if (applied) return part.release();
  change.notices = {};
  // On a full disk SQLite may have undone the whole transaction already.
  if (!database_.in_transaction()) return applied.error();
  return part.undo();
}

}  // namespace ota::hub
