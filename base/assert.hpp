#pragma once

/// Traps when an invariant of our own is broken, in release builds too: abort on Linux, reset on a
/// device. Never use it on bytes from outside: a corrupt journal is a case, not a bug.
#define OTA_ASSERT(condition)           \
  do {                                  \
    if (!(condition)) __builtin_trap(); \
  } while (false)
