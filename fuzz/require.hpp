#pragma once

#include <cstdio>
#include <cstdlib>

#include "base/result.hpp"

namespace ota::fuzz {

/// Ends the program with the line of the property that does not hold.
inline void require(bool holds, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (holds) return;
  std::fprintf(stderr, "%s:%d: this property does not hold\n", file, line);
  std::abort();
}

/// The same for a call of the core that must succeed.
template <class T>
void require_success(const Result<T>& result, const char* file = __builtin_FILE(),
                     int line = __builtin_LINE()) {
  if (result) return;
  std::fprintf(stderr, "%s:%d: %s\n", file, line, to_text(result.error()));
  std::abort();
}

}  // namespace ota::fuzz
