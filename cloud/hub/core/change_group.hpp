#pragma once

// Changes of many requests in one transaction: a commit costs more than a small change itself.
// Nobody hears of a change, and no device is told of it, before the commit that holds it. If that
// fails, every request in it gets the failure, and nothing of it stays. Decision 0011.

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cloud/hub/core/links.hpp"
#include "cloud/hub/state/database.hpp"

namespace ota::hub {

/// Beyond these the group is committed at once.
inline constexpr std::size_t kGroupChangesMax = 256;
inline constexpr std::size_t kGroupBytesMax = 1024 * 1024;

class ChangeGroup {
 public:
  /// `commit_soon` has commit() called from outside any request, after those that are ready; empty:
  /// each change is committed at once.
  ChangeGroup(const Database& database, const Links& links, std::function<void()> commit_soon)
      : database_(database), links_(links), commit_soon_(std::move(commit_soon)) {}
  ChangeGroup(const ChangeGroup&) = delete;
  ChangeGroup& operator=(const ChangeGroup&) = delete;

  /// Takes a change over. `apply` runs inside the transaction, again if another change must be
  /// undone, and changes nothing but the database; a failure undoes what it did. `answer` gets what
  /// it returned once that is durable, or the failure. Both are called in the order of the changes,
  /// in commit() or before this returns. `bytes` is about what it holds.
  template <class T>
  void add(std::size_t bytes, std::function<Outcome<T>(Notices&)> apply,
           std::function<void(Outcome<T>)> answer) {
    take(bytes, std::make_unique<ChangeOf<T>>(std::move(apply), std::move(answer)));
  }

  /// Commits and answers all that waits.
  void commit();

  std::size_t waiting() const { return changes_.size(); }

 private:
  class Change {
   public:
    virtual ~Change() = default;
    virtual Outcome<Ok> apply() = 0;
    virtual void answer(const std::optional<Failure>& commit_failure) = 0;
    Notices notices;
    bool failed = false;  // by itself; not applied again
  };

  template <class T>
  class ChangeOf final : public Change {
   public:
    ChangeOf(std::function<Outcome<T>(Notices&)> apply, std::function<void(Outcome<T>)> answer)
        : apply_(std::move(apply)), answer_(std::move(answer)) {}
    Outcome<Ok> apply() override {
      outcome_.emplace(run());
      if (!*outcome_) return outcome_->error();
      return Ok{};
    }
    void answer(const std::optional<Failure>& commit_failure) override {
      if (commit_failure && !this->failed) outcome_.emplace(*commit_failure);
      answer_(std::move(*outcome_));
    }

   private:
    /// A library that throws must cost one request, never the group.
    Outcome<T> run() {
      try {
        return apply_(this->notices);
      } catch (const std::exception& error) {
        return Failure{code::kServerError, std::string("unexpected: ") + error.what()};
      }
    }
    std::function<Outcome<T>(Notices&)> apply_;
    std::function<void(Outcome<T>)> answer_;
    std::optional<Outcome<T>> outcome_;
  };

  using Changes = std::vector<std::unique_ptr<Change>>;

  void take(std::size_t bytes, std::unique_ptr<Change> change);
  enum class Stored : std::uint8_t { All, Again };
  Outcome<Stored> store(const Changes& changes) const;
  Outcome<Stored> apply(Change& change) const;

  const Database& database_;
  const Links& links_;
  std::function<void()> commit_soon_;
  Changes changes_;
  std::size_t bytes_ = 0;
  bool committing_ = false;
};

}  // namespace ota::hub
