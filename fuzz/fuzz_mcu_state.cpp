// What stands in the folder of a virtual MCU, and images that are programmed into it. Properties:
// an MCU reports a version only of a whole application whose vector table is valid, and reports
// what it was programmed with.
//
// Input: two bytes of length of the header, the header, then the flash.

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>

#include "base/bytes.hpp"
#include "cloud/hub/files/scratch_directory.hpp"
#include "fuzz/require.hpp"
#include "sim/mcu/vector_table.hpp"
#include "sim/mcu/virtual_mcu.hpp"

namespace {

using namespace ota;
using fuzz::require;

void check_version(const sim::VirtualMcu& mcu, sim::BootCheck check, Bytes flash) {
  const auto version = mcu.version();
  if (!version) return require(!version.error().message.empty());
  require(check == sim::BootCheck::CortexM ? sim::has_cortex_m_vectors(flash)
                                           : !sim::begins_with_erased_flash(flash));
}

void program(sim::VirtualMcu& mcu, sim::BootCheck check, Bytes image) {
  Bytes left = image;
  const auto done = mcu.program(
      {.size_bytes = image.size(), .sha256 = sha256(image), .version = "7"}, [&](MutableBytes out) {
        const Bytes piece = left.first(std::min(left.size(), out.size()));
        std::copy(piece.begin(), piece.end(), out.begin());
        left = left.subspan(piece.size());
        return piece.size();
      });
  require(done && *done == image.size());
  const auto version = mcu.version();
  const bool starts = check == sim::BootCheck::CortexM ? sim::has_cortex_m_vectors(image)
                                                       : !sim::begins_with_erased_flash(image);
  require(version ? starts && *version == "7" : !starts);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Bytes input = std::as_bytes(std::span(data, size)).subspan(2);
  const std::size_t header_bytes = std::min<std::size_t>(data[0] + 256U * data[1], input.size());
  const Bytes flash = input.subspan(header_bytes);
  static const hub::ScratchDirectory scratch;
  std::ofstream(scratch.path() + "/header", std::ios::binary) << text_of(input.first(header_bytes));
  std::ofstream(scratch.path() + "/flash.bin", std::ios::binary) << text_of(flash);
  for (const sim::BootCheck check : {sim::BootCheck::CortexM, sim::BootCheck::NotErased})
    check_version(sim::VirtualMcu(scratch.path(), check), check, flash);
  for (const sim::BootCheck check : {sim::BootCheck::CortexM, sim::BootCheck::NotErased}) {
    sim::VirtualMcu mcu(scratch.path(), check);
    program(mcu, check, flash);
  }
  return 0;
}
