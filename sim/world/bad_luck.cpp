#include "sim/world/bad_luck.hpp"

#include <algorithm>
#include <array>

#include "contract/json/offer_json.hpp"
#include "sim/link/link_faults.hpp"

namespace ota::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSoonSteps = 400;
constexpr std::array<std::uint8_t, 3> kOtherPart = {0xC2, 0x20, 0x14};

}  // namespace

void BadLuck::note(const char* what, std::uint64_t value) {
  world_.trace().note(world_.now(), what, value);
}

void BadLuck::strike(const Release& deployed) {
  switch (random_.below(media_ ? 10 : 9)) {
    case 0:
    case 1:
      cut();
      break;
    case 2:
      restart_loop();
      break;
    case 3:
    case 4:
      break_link();
      break;
    case 5:
      break_hub();
      break;
    case 6:
      confuse_operator(deployed);
      break;
    case 7:
      break_mcu();
      break;
    case 8:
      trouble_flash();
      break;
    default:
      damage_flash();
      break;
  }
  world_.run(std::chrono::minutes(random_.below(90)));
  if (!world_.alive()) world_.boot();
}

void BadLuck::cut() {
  Cut cut;
  if (random_.below(3) == 0) cut.step = static_cast<Step>(random_.below(kStepCount));
  if (random_.below(4) == 0) cut.kind = Cut::Kind::HostReset;
  cut.at = random_.below(cut.step == Step::FlashOperation ? kSoonSteps : 20);
  cut.tear.tear_seed = random_.next();
  note(to_text(cut.step), cut.at);
  world_.schedule(cut);
}

void BadLuck::restart_loop() {
  const std::uint64_t times = 1 + random_.below(12);
  note("restarts", times);
  for (std::uint64_t i = 0; i < times; ++i) {
    world_.part().stop_host();
    if (random_.below(3) == 0) world_.part().leave_suspended();
    if (random_.below(3) == 0) world_.part().leave_asleep();
    // Beside a damaged flash nobody would know any more what the MCU ran.
    if (!media_ && random_.below(20) == 0) world_.lose_disk();
    world_.boot();
    if (random_.below(2) == 0) world_.idle(std::chrono::milliseconds(random_.below(3000)));
  }
}

void BadLuck::break_link() {
  for (std::uint64_t left = 1 + random_.below(4); left != 0; --left) {
    const DrawnFault drawn = draw_fault(random_, 100'000);
    // Wrong content three times in a row is rightly the end of an offer.
    if (drawn.exchange.stale_content) spoiled_ = true;
    note(std::string(to_text(drawn.fault)).c_str());
    world_.network().then(drawn.exchange);
  }
}

void BadLuck::break_hub() {
  for (std::uint64_t left = 1 + random_.below(4); left != 0; --left) {
    if (random_.below(2) == 0) {
      world_.hub().then(static_cast<RequestFault>(random_.below(kRequestFaultCount)));
    } else {
      world_.hub().then(static_cast<PatchFault>(random_.below(kPatchFaultCount)));
    }
  }
  note("hub");
  for (std::uint64_t left = random_.below(10); left != 0; --left) {
    world_.hub().disconnect();
    world_.idle(std::chrono::seconds(random_.below(60)));
    if (!world_.alive()) return;
  }
}

void BadLuck::confuse_operator(const Release& deployed) {
  switch (random_.below(6)) {
    case 0:
      note("withdrawn for a while");
      world_.withdraw();
      world_.idle(std::chrono::minutes(random_.below(60)));
      if (!world_.alive()) world_.boot();
      world_.deploy(deployed, attempt_);
      break;
    case 1: {
      Release older = deployed;
      older.version = 1;
      note("a lower version for a while");
      world_.deploy(older);
      world_.idle(10min);
      if (!world_.alive()) world_.boot();
      world_.deploy(deployed, attempt_);
      break;
    }
    case 2:
      note("a higher attempt");
      world_.deploy(deployed, ++attempt_);
      break;
    case 3:
      note("other content under the same version");
      world_.deploy(make_release(deployed.version, 30'000, random_.next()), ++attempt_);
      ++attempt_;
      spoiled_ = true;
      break;
    default:
      confuse_twin(deployed);
      break;
  }
}

/// What an operator's script can do to a twin, and then the offer as it should be.
void BadLuck::confuse_twin(const Release& deployed) {
  constexpr std::array<const char*, 9> kPatches = {
      R"({"extFwInfo":{"sas":"sig=renewed"}})",
      R"({"extFwInfo":{"version":"seven"}})",
      R"({"extFwInfo":{"size":-5}})",
      R"({"extFwInfo":{"sha256":null}})",
      R"({"extFwInfo":{"url":"ftp://elsewhere/x"}})",
      R"({"extFwInfo":[1,2,3]})",
      R"({"extFwInfo":null})",
      R"({"extFwInfo":{"product":"another machine"}})",
      R"({"somethingElse":{"deep":{"deeper":[true,false,{"x":1e300}]}}})"};
  const std::size_t index = random_.below(kPatches.size() + 1);
  note("twin", index);
  if (index < kPatches.size()) {
    world_.desire(kPatches[index]);
  } else {
    world_.desire(R"({"extFwInfo":{"unknown":")" + std::string(20'000, 'x') + R"("}})");
  }
  if (random_.below(2) == 0) world_.idle(std::chrono::minutes(random_.below(30)));
  if (!world_.alive()) world_.boot();
  world_.deploy(deployed, attempt_);
}

void BadLuck::break_mcu() {
  note("mcu");
  SimMcu& mcu = world_.mcu();
  switch (random_.below(3)) {
    case 0:
      mcu.failures_left = static_cast<int>(random_.below(6));
      if (mcu.failures_left >= 3) spoiled_ = true;
      break;
    case 1:
      mcu.busy_calls = static_cast<int>(random_.below(6));
      break;
    default:
      mcu.answers_lost = static_cast<int>(random_.below(4));
      if (mcu.answers_lost >= 3) spoiled_ = true;
      break;
  }
}

/// The bus or the part fail for a while; what is stored stays as it is.
void BadLuck::trouble_flash() {
  SimW25q& part = world_.part();
  world_.judge().excuse_bus_misuse();
  switch (random_.below(3)) {
    case 0:
      note("no answer from the flash");
      part.set_missing(true);
      break;
    case 1:
      note("stuck busy");
      part.set_stuck_busy(true);
      break;
    default:
      note("another part");
      part.set_jedec_id(kOtherPart);
      break;
  }
  world_.idle(std::chrono::minutes(random_.below(200)));
  part.set_missing(false);
  part.set_stuck_busy(false);
  part.set_jedec_id(w25q_jedec_id(part.size_bytes()));
}

/// Stored bits change, sectors wear out, the wire is noisy.
void BadLuck::damage_flash() {
  SimW25q& part = world_.part();
  world_.judge().set_medium(Judge::Medium::Faulty);
  spoiled_ = true;
  const auto anywhere = [&] {
    return static_cast<std::uint32_t>(random_.below(part.size_bytes()));
  };
  switch (random_.below(3)) {
    case 0:
      note("bits flip");
      for (std::uint64_t left = 1 + random_.below(200); left != 0; --left) {
        part.cells().flip_bit(anywhere(), static_cast<unsigned>(random_.below(8)));
      }
      break;
    case 1:
      note("a sector wears out");
      // Without one of the first two blocks there is no file system: that part is broken.
      part.break_sector(std::max(anywhere(), 2 * kBlockBytes));
      break;
    default:
      note("noise on the wire");
      part.set_read_noise(static_cast<std::uint32_t>(1000 + random_.below(1'000'000)),
                          random_.next());
      world_.idle(std::chrono::minutes(random_.below(200)));
      part.set_read_noise(0, 0);
      break;
  }
}

void BadLuck::end(const Release& deployed) {
  note("all is well");
  SimMcu& mcu = world_.mcu();
  mcu.failures_left = mcu.busy_calls = mcu.answers_lost = 0;
  world_.cancel_cut();
  world_.network().forget_script();
  world_.hub().forget_faults();
  if (!world_.alive()) world_.boot();
  // A new token, and a new connection for a device that missed a patch.
  world_.deploy(deployed, ++attempt_);
  world_.hub().disconnect();
}

}  // namespace ota::sim
