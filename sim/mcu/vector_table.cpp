#include "sim/mcu/vector_table.hpp"

namespace ota::sim {

bool has_cortex_m_vectors(Bytes image) noexcept {
  if (image.size() < 8) return false;
  const std::uint32_t stack = load_le32(image.data());
  const std::uint32_t reset = load_le32(image.data() + 4);
  const bool stack_in_ram = stack > 0x2000'0000U && stack <= 0x2010'0000U && stack % 4 == 0;
  const bool reset_in_flash = reset >= 0x0800'0000U && reset < 0x0820'0000U;
  return stack_in_ram && reset_in_flash && reset % 2 == 1;
}

bool begins_with_erased_flash(Bytes image) noexcept {
  return image.size() >= 8 && load_le32(image.data()) == 0xFFFF'FFFFU &&
         load_le32(image.data() + 4) == 0xFFFF'FFFFU;
}

}  // namespace ota::sim
