#include "device/core/flash/nor_flash.hpp"

namespace ota::flash {
namespace {

bool inside(const Geometry& part, std::uint32_t address, std::size_t size) noexcept {
  return address <= part.size_bytes && size <= part.size_bytes - address;
}

/// The largest unit that starts at `address` and fits into `size_bytes`; both are multiples of the
/// smallest one.
std::uint32_t largest_unit(const Geometry& part, std::uint32_t address,
                           std::uint32_t size_bytes) noexcept {
  std::uint32_t best = part.erase_bytes_min();
  for (const std::uint32_t unit : part.erase_bytes) {
    if (unit > best && address % unit == 0 && unit <= size_bytes) best = unit;
  }
  return best;
}

}  // namespace

Status NorFlash::read(std::uint32_t address, MutableBytes out) noexcept {
  if (!inside(geometry(), address, out.size())) return Errc::OutOfRange;
  if (out.empty()) return Ok{};
  return do_read(address, out);
}

Status NorFlash::program(std::uint32_t address, Bytes data) noexcept {
  const Geometry part = geometry();
  if (data.empty() || !inside(part, address, data.size())) return Errc::OutOfRange;
  if (address % part.page_bytes + data.size() > part.page_bytes) return Errc::Misaligned;
  return do_program(address, data);
}

Status NorFlash::erase(std::uint32_t address, std::uint32_t size_bytes) noexcept {
  const Geometry part = geometry();
  if (size_bytes == 0 || !inside(part, address, size_bytes)) return Errc::OutOfRange;
  const std::uint32_t smallest = part.erase_bytes_min();
  if (address % smallest != 0 || size_bytes % smallest != 0) return Errc::Misaligned;
  while (size_bytes != 0) {
    const std::uint32_t unit = largest_unit(part, address, size_bytes);
    OTA_TRY(do_erase_unit(address, unit));
    address += unit;
    size_bytes -= unit;
  }
  return Ok{};
}

}  // namespace ota::flash
