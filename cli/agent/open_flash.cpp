#include "cli/agent/open_flash.hpp"

#include <algorithm>
#include <utility>

#include "device/host/spi_linux/spi_linux.hpp"
#include "sim/flash/sim_w25q.hpp"

namespace ota::cli {
namespace {

class SimulatedPort final : public agent::FlashPort {
 public:
  SimulatedPort(sim::FlashCells cells, const sim::FlashOptions& options)
      : part_(std::move(cells), options) {}

  flash::SpiBus& bus() noexcept override { return part_; }
  std::optional<std::uint32_t> erases_max() const noexcept override {
    const auto& wear = part_.stats().wear;
    return *std::max_element(wear.begin(), wear.end());
  }
  std::optional<double> simulated_seconds() const noexcept override {
    return part_.stats().flash_seconds();
  }

 private:
  sim::SimW25q part_;
};

class RealPort final : public agent::FlashPort {
 public:
  explicit RealPort(spi_linux::SpiLinux bus) : bus_(std::move(bus)) {}

  flash::SpiBus& bus() noexcept override { return bus_; }
  std::optional<std::uint32_t> erases_max() const noexcept override { return std::nullopt; }
  std::optional<double> simulated_seconds() const noexcept override { return std::nullopt; }

 private:
  spi_linux::SpiLinux bus_;
};

using Opened = Result<std::unique_ptr<agent::FlashPort>, std::string>;

Opened open_file(const agent::FlashConfig& config) {
  OTA_TRY(auto cells, sim::FlashCells::open(config.path));
  sim::FlashOptions options;
  options.clock_hz = config.clock_hz;
  return std::unique_ptr<agent::FlashPort>(
      std::make_unique<SimulatedPort>(std::move(cells), options));
}

Opened open_spi(const agent::FlashConfig& config) {
  spi_linux::SpiOptions options;
  options.device = config.device;
  options.speed_hz = config.speed_hz;
  if (!config.gpio_chip.empty()) options.chip_select = {config.gpio_chip, config.gpio_line};
  OTA_TRY(auto bus, spi_linux::SpiLinux::open(options));
  return std::unique_ptr<agent::FlashPort>(std::make_unique<RealPort>(std::move(bus)));
}

}  // namespace

Opened open_flash(const agent::FlashConfig& config) {
  switch (config.kind) {
    case agent::FlashConfig::Kind::File:
      return open_file(config);
    case agent::FlashConfig::Kind::Spi:
      return open_spi(config);
  }
  return std::string("unknown kind of flash");
}

}  // namespace ota::cli
