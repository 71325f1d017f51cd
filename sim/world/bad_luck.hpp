#pragma once

// What can happen to a device, drawn from a seed, one blow after the other.

#include <cstdint>
#include <string>

#include "base/random.hpp"
#include "sim/world/world.hpp"

namespace ota::sim {

class BadLuck {
 public:
  /// @param media  whether the flash itself may lose or change bits
  BadLuck(World& world, Random& random, bool media) noexcept
      : world_(world), random_(random), media_(media) {}

  /// One blow. @param deployed  what the twin asks for
  void strike(const Release& deployed);

  /// All is well again: nothing fails any more, and the device has heard the operator's last word.
  void end(const Release& deployed);

  /// The operator or the MCU did something after which the deployed release need not run.
  bool spoiled() const noexcept { return spoiled_; }
  void begin_release() noexcept { spoiled_ = false; }

 private:
  void note(const char* what, std::uint64_t value = 0);
  void cut();
  void restart_loop();
  void break_link();
  void break_hub();
  void confuse_operator(const Release& deployed);
  void confuse_twin(const Release& deployed);
  void break_mcu();
  void trouble_flash();
  void damage_flash();

  World& world_;
  Random& random_;
  bool media_;
  bool spoiled_ = false;
  std::uint32_t attempt_ = 0;
};

}  // namespace ota::sim
