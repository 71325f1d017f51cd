#include "sim/world/world_device.hpp"

#include <algorithm>

#include "contract/json/report_json.hpp"

namespace ota::sim {

using fetch::TransferEnd;
using fetch::Verdict;

void World::Disk::save(const engine::Truth& truth) noexcept {
  if (!world_.step(Step::DiskSave)) return;
  world_.disk_ = truth;
}

void World::Reports::report(const contract::Report& report, std::uint32_t outcome_number) noexcept {
  if (!world_.alive()) return;
  world_.trace_.note(world_.now(),
                     std::string("report ") + std::string(to_text(report.status)) + " " +
                         std::string(to_text(report.code)) + " " +
                         std::string(to_text(report.phase)),
                     report.version, report.target);
  world_.judge_.reported(report, outcome_number, world_.mcu_.running());
  world_.device_->session.report(
      {contract::encode_report_patch(report, {}), outcome_number, net::claim_of(report)});
}

/// Stands between the server and the device's receiver.
class World::Network::Watcher final : public fetch::Receiver {
 public:
  Watcher(World& world, fetch::Receiver& inner) noexcept : world_(world), inner_(inner) {}

  Verdict on_head(const fetch::ResponseHead& head) noexcept override {
    if (!world_.alive()) return Verdict::Stop;
    world_.trace_.note(world_.now(), "answer", static_cast<std::uint64_t>(head.status));
    return inner_.on_head(head);
  }

  Verdict on_body(Bytes bytes) noexcept override {
    if (!world_.step(Step::NetworkPiece)) return Verdict::Stop;
    world_.cloud_turn();
    if (!world_.alive()) return Verdict::Stop;
    const Verdict verdict = inner_.on_body(bytes);
    world_.judge_.handed_over(world_.part_.stats().bytes_read);
    return world_.alive() ? verdict : Verdict::Stop;
  }

 private:
  World& world_;
  fetch::Receiver& inner_;
};

TransferEnd World::Network::get(const fetch::Request& request, fetch::Receiver& receiver,
                                const Cancel& cancel) noexcept {
  // A dead device asks nobody, and is not told to try again.
  if (!world_.alive()) return TransferEnd::Cancelled;
  world_.trace_.note(world_.now(), "request", request.first_byte);
  world_.judge_.requested(world_.now());
  if (world_.judge_.hopeless()) {
    world_.part_.stop_host();
    return TransferEnd::Cancelled;
  }
  Watcher watcher(world_, receiver);
  const TransferEnd end = world_.network_.get(request, watcher, cancel);
  const auto& seen = world_.network_.requests().back();
  const bool further = seen.handed_end > world_.fetched_end_;
  world_.fetched_end_ = std::max(world_.fetched_end_, seen.handed_end);
  world_.judge_.fetched(further, seen.again_bytes);
  return world_.alive() ? end : TransferEnd::Cancelled;
}

World::Device::Device(World& world)
    : disk(world),
      reports(world),
      network(world),
      driver(world.part_),
      store(driver),
      session("device", world.random_),
      updater(store, network, world.mcu_, reports, disk, *world.clock_, world.random_, {}) {}

}  // namespace ota::sim
