#include "sim/world/world.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/assert.hpp"
#include "contract/json/offer_json.hpp"
#include "contract/json/report_json.hpp"
#include "sim/world/memory_image.hpp"
#include "sim/world/world_device.hpp"

namespace ota::sim {
namespace {

using contract::Code;
using contract::Phase;
using contract::StatusWord;

constexpr int kTurnsMax = 200'000;
constexpr Duration kConnectTime = std::chrono::seconds(1);
constexpr Duration kReconnectPause = std::chrono::seconds(20);

mcu::VersionText version_text(std::uint32_t version) {
  mcu::VersionText text;
  text.append_number(version);
  return text;
}

constexpr std::string_view kNoOffer = R"({"extFwInfo":null})";

}  // namespace

const char* to_text(Step step) noexcept {
  switch (step) {
    case Step::FlashOperation:
      return "flash operation";
    case Step::McuStep:
      return "step of the MCU";
    case Step::DiskSave:
      return "save to disk";
    case Step::NetworkPiece:
      return "piece from the network";
    case Step::HubMessage:
      return "message to the hub";
  }
  return "unknown";
}

World::World(const Start& start, std::uint64_t seed)
    : part_(start.cells, {.size_bytes = start.flash_bytes}),
      random_(seed),
      clock_(std::make_unique<PartClock>(part_)),
      network_(*clock_),
      mcu_(std::to_string(start.installed.version)),
      judge_(start.installed.version),
      disk_(start.disk) {
  if (start.installed.version != 0) {
    judge_.published(start.installed);
  }
  mcu_.image_of = [this](const mcu::ImageInfo& image) {
    return judge_.image(image.version, image.sha256);
  };
  mcu_.on_step = [this](std::uint64_t) {
    if (!step(Step::McuStep)) return false;
    cloud_turn();
    return alive();
  };
  mcu_.on_programming = [this](const mcu::ImageInfo& image) {
    trace_.note(now(), "programming", image.version);
    judge_.programming_begins(image, part_.stats().bytes_read);
    if (judge_.hopeless()) part_.stop_host();
  };
}

World::~World() = default;

contract::Offer World::upload(const Release& release, std::uint32_t attempt) {
  // A device that was sent elsewhere in between may have dropped what it had.
  if (release.sha256 != uploaded_) {
    ++uploads_;
    fetched_end_ = 0;
  }
  uploaded_ = release.sha256;
  contract::Offer offer;
  offer.version = release.version;
  offer.size_bytes = static_cast<std::uint32_t>(release.image->size());
  offer.sha256 = release.sha256;
  offer.attempt = attempt;
  (void)offer.url.assign("https://blobs.example/fw/app-" + std::to_string(uploads_));
  (void)offer.sas.assign("sig=token" + std::to_string(++tokens_));
  offer.mcu_version = version_text(release.version);
  network_.serve({.bytes = *release.image,
                  .etag = "\"0x" + std::to_string(uploads_) + "\"",
                  .url = std::string(offer.url.view())});
  judge_.published(release);
  return offer;
}

void World::deploy(const Release& release, std::uint32_t attempt) {
  const contract::Offer offer = upload(release, attempt);
  trace_.note(now(), "deploy", release.version, attempt);
  judge_.offered(release.version, attempt);
  // An operator's tool replaces the property: keys of the old offer must not stay.
  desire(kNoOffer);
  desire(R"({"extFwInfo":)" + contract::encode_offer(offer) + "}");
}

void World::desire(std::string_view patch) { hub_.desire(patch, now()); }

void World::withdraw() {
  trace_.note(now(), "withdraw");
  judge_.offered(0, 0);
  desire(kNoOffer);
}

bool World::alive() const noexcept { return part_.usable(); }

void World::schedule(const Cut& cut) {
  if (cut.step != Step::FlashOperation) {
    cut_ = cut;
    return;
  }
  PowerCut tear = cut.tear;
  tear.at_operation = cut.at;
  tear.host_only = cut.kind == Cut::Kind::HostReset;
  part_.schedule(tear);
}

void World::cancel_cut() noexcept {
  cut_.reset();
  part_.cancel_cut();
}

bool World::step(Step step) {
  if (!alive()) return false;
  ++steps_[static_cast<std::size_t>(step)];
  if (!cut_ || cut_->step != step) return true;
  if (cut_->at-- != 0) return true;
  die(*cut_);
  return false;
}

void World::die(const Cut& cut) {
  trace_.note(now(), to_text(cut.step));
  if (cut.kind == Cut::Kind::Power) {
    part_.cut_power(cut.tear.tear_seed);
  } else {
    part_.stop_host();
  }
  cut_.reset();
}

std::uint64_t World::steps(Step step) const noexcept {
  if (step == Step::FlashOperation) return part_.operations();
  return steps_[static_cast<std::size_t>(step)];
}

void World::boot() {
  const bool first = device_ == nullptr;
  device_.reset();
  ++boots_;
  if (!first && !alive()) ++cuts_;
  if (!part_.powered()) part_.power_up();
  part_.host_restart();
  hub_.disconnect();
  connect_at_ = now() + kConnectTime;
  trace_.note(now(), "boot", boots_);
  judge_.restarted(part_.stats().bytes_read, !first);
  judge_.look_at(part_.cells(), part_.size_bytes());
  device_ = std::make_unique<Device>(*this);
  device_->updater.start();
  if (alive() && device_->store.mounted()) {
    judge_.journal_read(device_->updater.journal().outcome.number);
  }
}

void World::connect_or_lose(Instant now) {
  if (hub_.connected() && device_->session.silent()) {
    hub_.disconnect();
    device_->session.disconnected();
    connect_at_ = now + kReconnectPause;
  }
  if (!hub_.connected()) {
    // The device notices a lost connection at once: a relay or a keep-alive tells it.
    device_->session.disconnected();
    if (connect_at_ <= last_connect_) connect_at_ = now + kReconnectPause;
    if (now < connect_at_) return;
    last_connect_ = now;
    hub_.connect();
    device_->session.subscribed(now);
  }
}

void World::cloud_turn() {
  if (!alive() || device_ == nullptr) return;
  Device& device = *device_;
  const Instant now = this->now();
  connect_or_lose(now);
  for (const SimHub::Message& message : hub_.take_due(now)) {
    device.session.received(message.topic, message.payload, now);
  }
  device.session.tick(now);
  for (const net::Publish& publish : device.session.take_publishes()) {
    if (!step(Step::HubMessage)) return;
    hub_.publish(publish, now);
  }
  for (const std::uint32_t number : device.session.take_acknowledged()) {
    device.acknowledged.push_back(number);
  }
  if (auto wish = device.session.take_wish()) {
    if (wish != device.last_wish) device.cancel.request();
    device.last_wish = wish;
    device.wish = std::move(wish);
  }
}

void World::take_mail() {
  Device& device = *device_;
  device.cancel.reset();
  for (const std::uint32_t number : std::exchange(device.acknowledged, {})) {
    device.updater.acknowledged(number);
  }
  const auto wish = std::exchange(device.wish, std::nullopt);
  if (!wish) return;
  if (!wish->offer) return device.updater.withdraw();
  const auto offer = contract::parse_offer(*wish->offer);
  if (offer) return device.updater.offer(*offer);
  const contract::OfferError& error = offer.error();
  device.updater.refuse(error.code, error.version, error.attempt, error.detail);
}

/// One round of both sides of the device.
/// @returns when it wants to be called again; nothing: at once
std::optional<Instant> World::turn(Instant end) {
  Device& device = *device_;
  cloud_turn();
  if (!alive()) return end;
  take_mail();
  const auto wake = device.updater.run(device.cancel);
  if (!alive()) return end;
  cloud_turn();
  if (device.wish || !device.acknowledged.empty()) return std::nullopt;
  if (!wake && device.updater.phase() != Phase::Idle) {
    judge_.rests_without_deadline(device.updater.phase());
  }
  Instant next = end;
  const auto no_later_than = [&next](std::optional<Instant> at) {
    if (at) next = std::min(next, *at);
  };
  no_later_than(wake);
  no_later_than(device.session.deadline());
  no_later_than(hub_.next_due());
  if (!hub_.connected()) no_later_than(connect_at_);
  return next;
}

void World::work_until(Instant end, bool until_settled) {
  for (int turns = 0; alive() && now() < end; ++turns) {
    if (turns == kTurnsMax) return judge_.broke("the device comes to rest");
    const auto next = turn(end);
    if (!alive() || (until_settled && settled())) return;
    if (next) clock_->advance_to(*next);
  }
}

void World::run(Duration limit) { work_until(now() + limit, true); }

void World::idle(Duration duration) { work_until(now() + duration, false); }

bool World::settled() const {
  const Device& device = *device_;
  return alive() && hub_.connected() && !hub_.next_due() && !device.session.deadline() &&
         device.session.reports_waiting() == 0 && !device.wish && device.acknowledged.empty() &&
         device.store.mounted() && device.updater.phase() == Phase::Idle &&
         (device.updater.journal().outcome.acknowledged ||
          device.updater.journal().outcome.number == 0);
}

Phase World::phase() const { return device_->updater.phase(); }

std::uint32_t World::installed() {
  const auto found = device_->store.find(store::Slot::Current);
  return found ? found->identity.version : 0;
}

void World::require(bool kept, const std::string& promise) {
  if (!kept) judge_.broke(promise);
}

void World::expect_truth() {
  require(settled(), "the device comes to rest and says so; it is " +
                         std::string(to_text(device_->updater.phase())));
  require(mcu_.wrong_images == 0, "no wrong byte reaches the MCU");
  require(device_->updater.unexpected_events() == 0, "the engine is never surprised");
  if (!judge_.misuse_excused()) {
    require(part_.violations().total() == 0,
            "the part is used as it may be: " + part_.violations().describe());
  }
  const auto report = contract::parse_report(hub_.reported());
  // 0 says that nobody knows: after a rollback without an image, say.
  require(report.version == 0 || mcu_.running() == std::to_string(report.version.value_or(0)),
          "the hub knows what the MCU runs: '" + mcu_.running() + "'");
  judge_.look_at(part_.cells(), part_.size_bytes());
}

void World::expect_end(std::uint32_t running, StatusWord status, Code code) {
  expect_truth();
  const std::string version = std::to_string(running);
  require(mcu_.running() == version, "the MCU runs " + version + ", not '" + mcu_.running() + "'");
  const auto report = contract::parse_report(hub_.reported());
  require(report.status == to_text(status) && report.code == to_text(code),
          "the hub knows `" + std::string(to_text(status)) + "`, `" + std::string(to_text(code)) +
              "`, not `" + report.status + "`, `" + report.code + "`");
  require(report.version == running, "the hub knows the version");
  require(running == 0 || installed() == running, "the image of the MCU is kept on the flash");
}

Status World::import_image(const Release& release) {
  MemoryImage source(*release.image);
  return device_->updater.import_image(
      {.version = release.version,
       .size_bytes = static_cast<std::uint32_t>(release.image->size()),
       .sha256 = release.sha256,
       .mcu_version = version_text(release.version),
       .etag = {}},
      source);
}

namespace {

/// Leaves in each free block what a file of earlier years left there: on a blank part an erase that
/// does not happen, or not everywhere, would go unseen.
void soil_free_blocks(FlashCells& cells, std::uint32_t flash_bytes) {
  const std::vector<std::byte> remains(kPageBytes, std::byte{0x5A});
  std::vector<std::byte> block(kBlockBytes);
  for (std::uint32_t at = 0; at < flash_bytes; at += kBlockBytes) {
    cells.read(at, block);
    const bool blank = std::all_of(block.begin(), block.end(),
                                   [](std::byte byte) { return byte == std::byte{0xFF}; });
    if (!blank) continue;
    for (std::uint32_t page = 0; page < kBlockBytes; page += kSectorBytes) {
      cells.overwrite(at + page, remains);
    }
  }
}

}  // namespace

Start make_start(const Release& installed, std::uint32_t flash_bytes) {
  World workbench({.cells = {}, .disk = std::nullopt, .installed = {}, .flash_bytes = flash_bytes},
                  1);
  workbench.boot();
  const Status imported = workbench.import_image(installed);
  OTA_ASSERT(imported);
  FlashCells cells = workbench.part().cells();
  soil_free_blocks(cells, flash_bytes);
  return {std::move(cells), *workbench.disk(), installed, flash_bytes};
}

}  // namespace ota::sim
