#include "device/host/agent/flash_commands.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <vector>

#include "base/encoding.hpp"
#include "device/core/flash/w25q.hpp"
#include "device/core/store/file.hpp"
#include "device/core/store/store.hpp"
#include "device/core/store/volume.hpp"
#include "device/host/agent/device.hpp"
#include "device/host/agent/device_locks.hpp"
#include "device/host/agent/state_file.hpp"

namespace ota::agent {
namespace {

constexpr int kIdReads = 100;
constexpr std::size_t kCopyBytes = 64 * 1024;
constexpr std::size_t kReadTestBytes = 256 * 1024;

ExitCode give_up(const std::string& why, ExitCode code = ExitCode::Failed) {
  std::fprintf(stderr, "mcu-ota-agent: %s\n", why.c_str());
  return code;
}

/// The chip, opened and started while no agent works on it.
struct Chip {
  DeviceLocks locks;
  std::unique_ptr<FlashPort> port;
  std::unique_ptr<flash::W25q> part;
};

struct Refusal {
  std::string why;
  ExitCode code;
};

Result<Chip, Refusal> open_chip(const Config& config, const OpenFlash& open_flash) {
  auto locks = DeviceLocks::acquire(config);
  if (!locks) return Refusal{locks.error().detail, exit_code_of(locks.error())};
  auto port = open_flash(config.flash);
  if (!port) return Refusal{port.error(), ExitCode::Usage};
  auto part = std::make_unique<flash::W25q>((*port)->bus());
  if (const auto started = part->start(); !started) {
    return Refusal{std::string("the flash chip: ") + to_text(started.error()) +
                       "; check power, wiring and the [flash] section",
                   ExitCode::Failed};
  }
  return Chip{std::move(*locks), std::move(*port), std::move(part)};
}

std::string id_text(const flash::W25q& part) { return to_hex(part.jedec_id()); }

void print_image(store::Store& store, store::Slot slot, const char* name) {
  const auto image = store.find(slot);
  if (!image) {
    std::printf("%-12s none\n", name);
    return;
  }
  const store::ImageIdentity& identity = image->identity;
  std::printf("%-12s version %u, %u of %u bytes, sha256 %s\n", name, identity.version,
              image->stored_bytes, identity.size_bytes, to_hex(identity.sha256).c_str());
}

void print_content(store::Store& store) {
  print_image(store, store::Slot::Current, "current");
  print_image(store, store::Slot::Candidate, "candidate");
  if (const auto journal = store.read_journal()) {
    const auto phase = to_text(journal->phase);
    std::printf("%-12s %.*s, MCU version %u\n", "phase", static_cast<int>(phase.size()),
                phase.data(), journal->mcu_version);
  } else {
    const bool none = journal.error() == Errc::NotFound;
    std::printf("%-12s %s\n", "phase", none ? "idle, no update yet" : to_text(journal.error()));
  }
}

/// A byte pattern that no shifted or shortened copy repeats.
void fill_pattern(std::span<std::byte> out, std::uint64_t seed) {
  SplitMix64 random(seed);
  for (std::byte& byte : out) byte = static_cast<std::byte>(random.next() & 0xFFU);
}

/// Reads the same bytes twice: a loose wire rarely fails twice in the same way.
std::string test_reading(Chip& chip) {
  const auto id = chip.part->jedec_id();
  for (int i = 0; i < kIdReads; ++i) {
    if (!chip.part->start() || chip.part->jedec_id() != id) return "the id changes between reads";
  }
  std::vector<std::byte> first(kReadTestBytes);
  std::vector<std::byte> second(kReadTestBytes);
  if (!chip.part->read(0, first) || !chip.part->read(0, second)) return "reading failed";
  return first == second ? "" : "two reads of the same bytes differ: lower speed_hz, check wires";
}

/// Erases, programs and reads one block of 64 KiB.
std::string test_block(flash::W25q& part, std::uint32_t address) {
  std::vector<std::byte> pattern(store::kBlockBytes);
  std::vector<std::byte> read(store::kBlockBytes);
  fill_pattern(pattern, 1);
  if (!part.erase(address, store::kBlockBytes)) return "erasing failed";
  const std::uint32_t page = part.geometry().page_bytes;
  for (std::uint32_t at = 0; at < store::kBlockBytes; at += page) {
    if (!part.program(address + at, std::span(pattern).subspan(at, page)))
      return "programming failed";
  }
  if (!part.read(address, read)) return "reading failed";
  if (!part.erase(address, store::kBlockBytes)) return "erasing failed";
  return read == pattern ? "" : "the bytes read are not the bytes written";
}

/// Writes to blocks that the file system has free, and gives them back.
std::string test_free_blocks(store::Volume& volume) {
  constexpr const char* kName = "/selftest";
  std::vector<std::byte> pattern(2 * store::kBlockBytes);
  std::vector<std::byte> read(pattern.size());
  fill_pattern(pattern, 2);
  using Mode = store::File::Mode;
  store::File file;
  std::string problem;
  if (!file.open(volume, kName, Mode::Replace) || !file.write(pattern) || !file.close()) {
    problem = "writing to free blocks failed";
  } else if (!file.open(volume, kName, Mode::Read) || !file.read(read) || !file.close()) {
    problem = "reading failed";
  } else if (read != pattern) {
    problem = "the bytes read are not the bytes written";
  }
  if (!volume.remove(kName) && problem.empty()) problem = "the test file could not be removed";
  return problem;
}

}  // namespace

ExitCode flash_info(const Config& config, const OpenFlash& open_flash) {
  auto chip = open_chip(config, open_flash);
  if (!chip) return give_up(chip.error().why, chip.error().code);
  const flash::Geometry geometry = chip->part->geometry();
  std::printf("%-12s %s\n", "jedec id", id_text(*chip->part).c_str());
  std::printf("%-12s %u bytes, pages of %u, smallest erase %u\n", "size", geometry.size_bytes,
              geometry.page_bytes, geometry.erase_bytes_min());
  if (const auto erases = chip->port->erases_max()) {
    std::printf("%-12s %u erases of the most worn sector\n", "wear", *erases);
  }
  if (const auto seconds = chip->port->simulated_seconds()) {
    std::printf("%-12s %.3f s spent by the simulated chip\n", "time", *seconds);
  }
  // Only a volume that mounts is given to the store: the store would format any other.
  auto volume = std::make_unique<store::Volume>(*chip->part);
  if (!volume->mount()) {
    const auto blank = volume->never_formatted();
    std::printf("%-12s %s\n", "content",
                blank && *blank ? "blank; the agent formats it at its first start"
                                : "no readable file system");
    return ExitCode::Ok;
  }
  if (const auto used = volume->blocks_used()) {
    std::printf("%-12s %u of %u blocks of 64 KiB used\n", "file system", *used,
                volume->block_count());
  }
  volume.reset();
  const auto store = std::make_unique<store::Store>(*chip->part);
  if (const auto mounted = store->mount(); !mounted) return give_up(to_text(mounted.error()));
  print_content(*store);
  return ExitCode::Ok;
}

ExitCode flash_read(const Config& config, const OpenFlash& open_flash, const std::string& slot,
                    const std::string& file) {
  auto chip = open_chip(config, open_flash);
  if (!chip) return give_up(chip.error().why, chip.error().code);
  // A volume that does not mount is left alone: the store would format it.
  if (!std::make_unique<store::Volume>(*chip->part)->mount()) {
    return give_up("there is no readable file system on the chip");
  }
  const auto store = std::make_unique<store::Store>(*chip->part);
  if (const auto mounted = store->mount(); !mounted) return give_up(to_text(mounted.error()));
  const auto which = slot == "candidate" ? store::Slot::Candidate : store::Slot::Current;
  const auto image = store->find(which);
  if (!image) return give_up("there is no " + slot + " image on the chip", ExitCode::NotFound);

  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  std::vector<std::byte> piece(kCopyBytes);
  for (std::uint32_t at = 0; at < image->stored_bytes;) {
    const auto read = store->read(which, at, piece);
    if (!read || read.value() == 0) return give_up("reading the flash failed");
    out.write(text_of(piece).data(), static_cast<std::streamsize>(read.value()));
    at += static_cast<std::uint32_t>(read.value());
  }
  if (!out.flush()) return give_up(file + ": cannot be written");
  std::printf("%s: version %u, %u bytes\n", file.c_str(), image->identity.version,
              image->stored_bytes);
  return ExitCode::Ok;
}

ExitCode flash_test(const Config& config, const OpenFlash& open_flash, bool yes) {
  auto chip = open_chip(config, open_flash);
  if (!chip) return give_up(chip.error().why, chip.error().code);
  if (const std::string problem = test_reading(*chip); !problem.empty()) return give_up(problem);
  std::printf("reading      ok (id %s)\n", id_text(*chip->part).c_str());
  const auto volume = std::make_unique<store::Volume>(*chip->part);
  std::string problem;
  if (volume->mount()) {
    problem = test_free_blocks(*volume);
  } else if (!yes) {
    return give_up(
        "there is no file system, so writing would overwrite the last 64 KiB of the "
        "chip; run again with --yes",
        ExitCode::Refused);
  } else {
    problem = test_block(*chip->part, chip->part->geometry().size_bytes - store::kBlockBytes);
  }
  if (!problem.empty()) return give_up(problem);
  std::printf("writing      ok\n");
  return ExitCode::Ok;
}

ExitCode flash_format(const Config& config, const OpenFlash& open_flash, bool yes) {
  if (!yes) {
    return give_up("formatting removes all images from the chip; run again with --yes",
                   ExitCode::Refused);
  }
  auto chip = open_chip(config, open_flash);
  if (!chip) return give_up(chip.error().why, chip.error().code);
  const auto volume = std::make_unique<store::Volume>(*chip->part);
  // Mounting reads the geometry; whether it finds a file system does not matter here.
  (void)volume->mount();
  if (const auto made = volume->format(); !made) return give_up(to_text(made.error()));
  std::printf("formatted\n");
  return ExitCode::Ok;
}

}  // namespace ota::agent
