#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace ota::sim {

/// What happened in a world, in order. Always a hash, so that two runs can be compared; as text
/// only for a reader who asked for it.
class Trace {
 public:
  using Line = std::function<void(std::string_view)>;

  void listen(Line line) { line_ = std::move(line); }

  void note(Instant at, std::string_view event, std::uint64_t a = 0, std::uint64_t b = 0);

  std::uint64_t hash() const noexcept { return hash_; }

 private:
  void mix(std::uint64_t value) noexcept;

  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
  Line line_;
};

}  // namespace ota::sim
