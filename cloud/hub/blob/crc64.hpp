#pragma once

// CRC-64/NVME, with which Blob Storage checks transfers.
// Source: "CRC catalogue", CRC-64/NVME; the field x-ms-content-crc64.

#include <cstdint>
#include <string>

#include "base/bytes.hpp"

namespace ota::hub {

class Crc64 {
 public:
  void update(Bytes bytes);
  std::uint64_t value() const { return ~state_; }
  /// base64 of the eight bytes, the lowest first.
  std::string text() const;

 private:
  std::uint64_t state_ = ~std::uint64_t{0};
};

}  // namespace ota::hub
