#pragma once

// littlefs includes this before anything of its own (LFS_DEFINES).

#include <stddef.h>
#include <stdint.h>

// The checksum of this program instead of littlefs' own, which takes half a byte at a time and is
// most of the work of a mount.
#ifdef __cplusplus
extern "C"
#endif
uint32_t ota_lfs_crc(uint32_t crc, const void *buffer, size_t size);

#define LFS_CRC(crc, buffer, size) ota_lfs_crc(crc, buffer, size)

// What littlefs asserts, it asserts of bytes from the flash too. An assertion would end the agent
// at each start, for ever; so it is an error like any other damage, which the store repairs. All
// functions of littlefs that assert return an error code.
#define LFS_ASSERT(test)                 \
  do {                                   \
    if (!(test)) return LFS_ERR_CORRUPT; \
  } while (0)
