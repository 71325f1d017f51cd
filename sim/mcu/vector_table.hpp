#pragma once

#include "base/bytes.hpp"

namespace ota::sim {

/// Whether a Cortex-M of the STM32 family would start this image: the initial stack pointer lies in
/// RAM (2000_0000h .. 2010_0000h, 4-byte aligned, the end itself allowed), the reset vector is odd
/// (Thumb) and in the flash (0800_0000h .. 0820_0000h).
///
/// @source Armv7-M Architecture Reference Manual, "The vector table"; memory maps of STM32F0/F4/L4
bool has_cortex_m_vectors(Bytes image) noexcept;

/// Whether the first words are there at all: FFFF_FFFFh is erased flash, and an MCU that fetches it
/// locks up.
bool begins_with_erased_flash(Bytes image) noexcept;

}  // namespace ota::sim
