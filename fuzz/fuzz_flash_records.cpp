// Journal records and image attributes from a flash: never a crash, and what is accepted is written
// back as the same bytes.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/crc32.hpp"
#include "device/core/store/image_attribute.hpp"
#include "device/core/store/journal.hpp"

namespace {

/// Almost no input has a valid CRC by itself; without it the fields behind it would never be read.
std::vector<std::byte> with_crc(ota::Bytes bytes) {
  std::vector<std::byte> record(bytes.begin(), bytes.end());
  if (record.size() < 4) return record;
  const std::size_t at = record.size() - 4;
  ota::store_le32(record.data() + at, ota::crc32(ota::Bytes(record).first(at)));
  return record;
}

void check(ota::Bytes record) {
  if (const auto journal = ota::store::decode_journal(record)) {
    std::array<std::byte, ota::store::kJournalBytesMax> again{};
    const std::size_t size = ota::store::encode_journal(*journal, again);
    const auto same = ota::store::decode_journal(ota::Bytes(again).first(size));
    if (!same || !(*same == *journal)) std::abort();
  }
  if (const auto identity = ota::store::decode_attribute(record)) {
    const auto again = ota::store::decode_attribute(ota::store::encode_attribute(*identity));
    if (!again || !again->same_image(*identity) || !(again->etag == identity->etag)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ota::Bytes bytes = std::as_bytes(std::span(data, size));
  check(bytes);
  check(with_crc(bytes));
  return 0;
}
