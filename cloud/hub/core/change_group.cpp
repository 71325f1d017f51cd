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
    auto stored = store(changes);
    // Once more for each change that wrote something before it failed, which hardly any does.
    while (stored && stored.value() == Stored::Again) stored = store(changes);
    const auto failure = stored ? std::nullopt : std::optional<Failure>(stored.error());
    for (const auto& change : changes) {
      if (stored) change->notices.deliver(links_);
      change->answer(failure);
    }
  }
}

Outcome<ChangeGroup::Stored> ChangeGroup::store(const Changes& changes) const {
  OTA_TRY(auto transaction, Transaction::begin(database_));
  for (const auto& change : changes) {
    if (change->failed) continue;
    OTA_TRY(const Stored stored, apply(*change));
    if (stored == Stored::Again) return stored;
  }
  OTA_TRY(transaction.commit());
  return Stored::All;
}

/// An error is one of the whole group.
Outcome<ChangeGroup::Stored> ChangeGroup::apply(Change& change) const {
  const std::int64_t before = database_.change_count();
  change.notices = {};
  const auto applied = change.apply();
  if (!applied) change.notices = {};
  // On a full disk SQLite may have undone the whole transaction.
  if (!database_.in_transaction())
    return applied ? Failure{code::kServerError, "the transaction has ended"} : applied.error();
  change.failed = !applied;
  return applied || database_.change_count() == before ? Stored::All : Stored::Again;
}

}  // namespace ota::hub
