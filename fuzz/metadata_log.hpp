#pragma once

// littlefs' metadata blocks, as far as a fuzzer needs them: commits with right checksums, since
// otherwise nothing behind a checksum would ever be read.
// Format: littlefs SPEC.md, "Metadata blocks": a revision, then tags that are each XORed with the
// one before; a commit ends with a tag of type 5xx and the CRC-32 of all since the last commit.

#include <algorithm>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/crc32.hpp"

namespace ota::fuzz {

namespace metadata {

inline bool is_valid(std::uint32_t tag) { return (tag & 0x8000'0000U) == 0; }
/// Types 1xxh exist only in memory: littlefs would take what follows for pointers of its own. So it
/// trusts what has a right checksum, and a part that somebody forged is no safe input for it.
inline bool is_in_memory_only(std::uint32_t tag) { return (tag & 0x7000'0000U) >> 20U == 0x100; }
inline bool is_checksum(std::uint32_t tag) { return (tag & 0x7800'0000U) >> 20U == 0x500; }

/// Of the tag and its data; a size of 3FFh means that there is none.
inline std::size_t stored_bytes(std::uint32_t tag) {
  const std::uint32_t size = tag & 0x3FFU;
  return 4U + (size == 0x3FFU ? 0U : size);
}

/// littlefs begins a CRC with all ones, as the usual one, but does not invert it at the end.
inline std::uint32_t checksum(Bytes bytes) { return ~crc32(bytes); }

}  // namespace metadata

/// Where a log ends, and what its next tag is XORed with.
struct LogEnd {
  std::size_t at = 4;
  std::uint32_t before = 0xFFFF'FFFFU;
};

/// Makes the checksums of all commits right, up to the first tag that ends the log.
inline LogEnd repair_checksums(MutableBytes block) {
  LogEnd end;
  std::uint32_t before = end.before;
  std::size_t commit = 0;
  for (std::size_t at = end.at; at + 4 <= block.size();) {
    const std::uint32_t tag = load_be32(block.data() + at) ^ before;
    const std::size_t size = metadata::stored_bytes(tag);
    if (!metadata::is_valid(tag) || metadata::is_in_memory_only(tag)) break;
    if (at + size > block.size()) break;
    before = tag;
    if (metadata::is_checksum(tag)) {
      if (at + 8 > block.size()) break;
      store_le32(block.data() + at + 4,
                 metadata::checksum(Bytes(block).subspan(commit, at + 4 - commit)));
      before ^= ((tag >> 20U) & 1U) << 31U;  // The checksum's type says what a next tag looks like.
      commit = at + size;
      end = {.at = commit, .before = before};
    }
    at += size;
  }
  return end;
}

/// Appends a commit. `tags` are {type (2 bytes), id, size, bytes} in a row; the last one may be cut
/// short.
inline void append_commit(MutableBytes block, Bytes tags) {
  constexpr std::uint32_t kChecksum = 0x5003FC04U;  // type 500h, no id, four bytes
  LogEnd end = repair_checksums(block);
  const auto put_tag = [&](std::uint32_t tag) {
    store_be32(block.data() + end.at, tag ^ end.before);
    end = {.at = end.at + 4, .before = tag};
  };
  if (end.at + 8 > block.size()) return;
  const std::size_t begin = end.at == 4 ? 0 : end.at;
  while (tags.size() >= 4) {
    const std::uint32_t type = load_le16(tags.data()) & 0x7FFU;
    const auto id = std::to_integer<std::uint32_t>(tags[2]);
    const auto size = std::to_integer<std::uint32_t>(tags[3]);
    tags = tags.subspan(4);
    const Bytes data = tags.first(std::min<std::size_t>(size, tags.size()));
    if (end.at + 4 + size + 8 > block.size()) return;
    // FFh stands for what littlefs writes as 3FFh: no id, and no data.
    const std::uint32_t tag =
        type << 20U | (id == 0xFF ? 0x3FFU : id) << 10U | (size == 0xFF ? 0x3FFU : size);
    if (metadata::is_in_memory_only(tag)) return;
    put_tag(tag);
    if (size == 0xFF) continue;
    std::copy(data.begin(), data.end(), block.begin() + static_cast<std::ptrdiff_t>(end.at));
    end.at += size;
    tags = tags.subspan(data.size());
  }
  put_tag(kChecksum);
  store_le32(block.data() + end.at,
             metadata::checksum(Bytes(block).subspan(begin, end.at - begin)));
}

}  // namespace ota::fuzz
