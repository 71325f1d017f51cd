#pragma once

// What littlefs is built with: the checksum of this program instead of its own, which takes half a
// byte at a time and is most of the work of a mount.

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C"
#endif
uint32_t ota_lfs_crc(uint32_t crc, const void *buffer, size_t size);

#define LFS_CRC(crc, buffer, size) ota_lfs_crc(crc, buffer, size)
