// What a flash says of itself: never a crash, and what is accepted can be driven without a division
// by zero, an endless loop or a time-out that is too short.

#include <cstdint>
#include <cstdlib>

#include "base/bytes.hpp"
#include "device/core/flash/sfdp.hpp"

namespace {

bool is_power_of_two(std::uint32_t value) { return value != 0 && (value & (value - 1)) == 0; }

void check(const ota::flash::FlashParameters& part) {
  using std::chrono::milliseconds;
  if (!is_power_of_two(part.size_bytes) || !is_power_of_two(part.page_bytes)) std::abort();
  if (part.program_limit < milliseconds(5)) std::abort();
  if (part.erase[0].size_bytes == 0) std::abort();
  std::uint32_t before = 0;
  for (const auto& type : part.erase) {
    if (type.size_bytes == 0) continue;
    if (!is_power_of_two(type.size_bytes) || type.size_bytes > part.size_bytes) std::abort();
    if (type.size_bytes < before || type.limit < milliseconds(500)) std::abort();
    before = type.size_bytes;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ota::Bytes bytes = std::as_bytes(std::span(data, size));
  if (const auto place = ota::flash::find_basic_table(bytes)) {
    if (place->size_bytes < 36 || place->size_bytes > ota::flash::kSfdpTableBytesMax) std::abort();
    if (place->address > 0xFFFFFF) std::abort();
  }
  if (const auto part = ota::flash::parse_basic_table(bytes)) check(*part);
  return 0;
}
