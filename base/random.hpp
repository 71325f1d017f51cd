#pragma once

#include <cstdint>

namespace ota {

/// A source of random numbers; one seed decides all of them in tests and simulations.
class Random {
 public:
  virtual std::uint64_t next() noexcept = 0;

  /// Uniform in 0 .. bound-1; 0 if bound is 0. The bias is below 2^-32 for bounds below 2^32.
  std::uint64_t below(std::uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }

 protected:
  ~Random() = default;  // used by reference, never owned
};

/// SplitMix64 (Steele, Lea, Flood, 2014): small, fast, seeds well from any number. Not for secrets.
class SplitMix64 final : public Random {
 public:
  explicit SplitMix64(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t next() noexcept override {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }

 private:
  std::uint64_t state_;
};

}  // namespace ota
