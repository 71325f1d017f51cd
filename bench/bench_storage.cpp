// How long the flash needs to store an image and to read it back once, beside what the part allows
// at best: erasing as it goes, and after a rest in which all free blocks were erased ahead. And how
// many whole storage updates this host simulates in a second, and how long it takes to copy a part
// in use, from which a campaign starts each of its worlds. One JSON line for each case.
//
// Virtual time: SPI bits and W25Q128JV operations with typical times, no host overhead, network not
// counted. It does not depend on the machine. Host time: wall clock of one thread; it does.
//
// usage: bench_storage [--check]    --check: only the 4 MiB cases; exit code 1 if a figure of
// docs/benchmarks.md is missed

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "base/sha256.hpp"
#include "device/core/flash/w25q.hpp"
#include "device/core/store/store.hpp"
#include "sim/flash/sim_w25q.hpp"

namespace ota::bench {
namespace {

constexpr std::size_t kNetworkPieceBytes = 1460;  // one TCP segment
constexpr std::uint32_t kMebibyte = 1024 * 1024;
constexpr auto kHostTimeMin = std::chrono::seconds(2);

std::vector<std::byte> random_image(std::size_t size) {
  SplitMix64 random(size);
  std::vector<std::byte> image(size);
  for (auto& byte : image) byte = static_cast<std::byte>(random.next() >> 56U);
  return image;
}

/// One whole update as mounted storage sees it: journal, download, read back, promote, journal.
bool update(store::Store& storage, Bytes image, const Digest& sha256, std::uint32_t version) {
  store::Journal journal;
  journal.phase = contract::Phase::Downloading;
  const auto size = static_cast<std::uint32_t>(image.size());
  const store::ImageIdentity identity{
      .version = version, .size_bytes = size, .sha256 = sha256, .mcu_version = {}, .etag = {}};
  if (!storage.write_journal(journal) || !storage.open_candidate(identity)) return false;
  for (std::size_t at = 0; at < image.size(); at += kNetworkPieceBytes) {
    const std::size_t piece = std::min(kNetworkPieceBytes, image.size() - at);
    if (!storage.append(image.subspan(at, piece))) return false;
  }
  if (!storage.close_candidate()) return false;
  const auto read_back = storage.hash(store::Slot::Candidate);
  if (!read_back || *read_back != sha256) return false;
  journal.phase = contract::Phase::Idle;
  return storage.promote() && storage.write_journal(journal);
}

/// What the device did before the download.
enum class Before : std::uint8_t { Work, Rest };

struct Case {
  std::uint32_t image_bytes;
  std::uint32_t clock_hz;
  Before before;
  double ratio_max;  // to the limit with erases, also where the blocks were erased ahead
};

/// The least that the part needs: each page programmed once, 64 KiB erases, the bits on the bus
/// with one status read for each operation, and one read-back in frames of 4 KiB.
double limit_seconds(std::uint32_t image_bytes, std::uint32_t clock_hz, Before before) {
  const double pages = image_bytes / static_cast<double>(sim::kPageBytes);
  const double blocks =
      before == Before::Rest ? 0 : image_bytes / static_cast<double>(sim::kBlockBytes);
  const double reads = image_bytes / 4096.0;
  const double bus_bytes = pages * (1 + 4 + 256 + 2) + blocks * (1 + 4 + 2) + reads * (4 + 4096);
  const sim::FlashTimes times = sim::kTypicalTimes;
  const double busy_ns = pages * static_cast<double>(times.program_ns) +
                         blocks * static_cast<double>(times.erase_64k_ns);
  return busy_ns / 1e9 + 8 * bus_bytes / clock_hz;
}

bool erase_all_ahead(store::Store& storage) {
  for (std::uint32_t block = 0; block <= sim::kBlockCount; ++block) {
    const auto more = storage.erase_ahead();
    if (!more || !*more) return static_cast<bool>(more);
  }
  return false;
}

bool report_virtual_time(const Case& one) {
  const auto image = random_image(one.image_bytes);
  sim::SimW25q part({}, {.clock_hz = one.clock_hz});
  flash::W25q driver(part);
  store::Store storage(driver);
  // A part as it is in the field has been formatted once before.
  if (!storage.mount()) return false;
  if (one.before == Before::Rest && !erase_all_ahead(storage)) return false;
  const sim::FlashStats before = part.stats();
  if (one.before == Before::Work && !storage.mount()) return false;  // which forgets what is erased
  if (!update(storage, image, sha256(image), 1)) return false;
  const double seconds = part.stats().flash_seconds() - before.flash_seconds();
  const double limit = limit_seconds(one.image_bytes, one.clock_hz, Before::Work);
  const bool reached = seconds / limit <= one.ratio_max && part.violations().total() == 0;
  std::printf(
      "{\"case\":\"%s\",\"image_bytes\":%u,\"clock_hz\":%u,\"unit\":\"virtual_s\","
      "\"seconds\":%.2f,\"limit\":%.2f,\"ratio\":%.3f,\"ratio_max\":%.2f,\"own_limit\":%.2f,"
      "\"programs\":%llu,\"erases_64k\":%llu,\"reached\":%s}\n",
      one.before == Before::Rest ? "store_and_verify_after_rest" : "store_and_verify",
      one.image_bytes, one.clock_hz, seconds, limit, seconds / limit, one.ratio_max,
      limit_seconds(one.image_bytes, one.clock_hz, one.before),
      static_cast<unsigned long long>(part.stats().programs - before.programs),
      static_cast<unsigned long long>(part.stats().erases_64k - before.erases_64k),
      reached ? "true" : "false");
  return reached;
}

bool report_host_speed(std::uint32_t image_bytes, double per_second_min) {
  using HostClock = std::chrono::steady_clock;
  const auto image = random_image(image_bytes);
  const Digest digest = sha256(image);
  std::vector<double> seconds;
  const auto begin = HostClock::now();
  while (HostClock::now() - begin < kHostTimeMin) {
    const auto one = HostClock::now();
    sim::SimW25q part;
    flash::W25q driver(part);
    store::Store storage(driver);
    if (!storage.mount() || !update(storage, image, digest, 1)) return false;
    seconds.push_back(std::chrono::duration<double>(HostClock::now() - one).count());
  }
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  const double p99 = seconds[seconds.size() * 99 / 100];
  std::printf(
      "{\"case\":\"storage_updates\",\"image_bytes\":%u,\"unit\":\"host_updates_per_s\","
      "\"median\":%.0f,\"p99_slowest\":%.0f,\"wanted\":%.0f,\"runs\":%zu}\n",
      image_bytes, 1 / median, 1 / p99, per_second_min, seconds.size());
  return true;
}

bool report_copy_time(std::uint32_t image_bytes, double microseconds_max) {
  using HostClock = std::chrono::steady_clock;
  constexpr int kCopies = 1000;
  const auto image = random_image(image_bytes);
  sim::SimW25q part;
  flash::W25q driver(part);
  store::Store storage(driver);
  if (!storage.mount() || !update(storage, image, sha256(image), 1)) return false;
  std::vector<double> microseconds;
  const auto begin = HostClock::now();
  while (HostClock::now() - begin < kHostTimeMin) {
    const auto first = HostClock::now();
    std::uint64_t operations = 0;
    for (int i = 0; i < kCopies; ++i)
      operations += sim::FlashCells(part.cells()).stats().operations;
    if (operations != kCopies * part.operations()) return false;
    const std::chrono::duration<double, std::micro> all = HostClock::now() - first;
    microseconds.push_back(all.count() / kCopies);
  }
  std::sort(microseconds.begin(), microseconds.end());
  std::printf(
      "{\"case\":\"flash_copy\",\"image_bytes\":%u,\"unit\":\"host_us\",\"median\":%.2f,"
      "\"p99_slowest\":%.2f,\"wanted\":%.0f,\"runs\":%zu}\n",
      image_bytes, microseconds[microseconds.size() / 2],
      microseconds[microseconds.size() * 99 / 100], microseconds_max,
      microseconds.size() * kCopies);
  return true;
}

int run(bool check) {
  bool reached = true;
  for (const std::uint32_t mebibytes : {1U, 4U, 12U}) {
    if (check && mebibytes != 4) continue;
    const std::uint32_t bytes = mebibytes * kMebibyte;
    reached &= report_virtual_time({bytes, 8'000'000, Before::Work, 1.25});
    reached &= report_virtual_time({bytes, 40'000'000, Before::Work, 1.15});
    reached &= report_virtual_time({bytes, 8'000'000, Before::Rest, 0.83});
    reached &= report_virtual_time({bytes, 40'000'000, Before::Rest, 0.57});
  }
  if (!check) {
    reached &= report_host_speed(32 * 1024, 1000);
    reached &= report_host_speed(kMebibyte, 50);
    reached &= report_copy_time(kMebibyte, 5);
  }
  return reached ? 0 : 1;
}

}  // namespace
}  // namespace ota::bench

int main(int argc, char** argv) {
  const bool check = argc == 2 && std::string_view(argv[1]) == "--check";
  if (argc > 1 && !check) {
    std::fputs("usage: bench_storage [--check]\n", stderr);
    return 2;
  }
  return ota::bench::run(check);
}
