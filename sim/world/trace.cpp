#include "sim/world/trace.hpp"

#include <cstdio>

namespace ota::sim {

void Trace::mix(std::uint64_t value) noexcept {
  hash_ = (hash_ ^ value) * 0x9e3779b97f4a7c15ULL;
  hash_ ^= hash_ >> 29U;
}

void Trace::note(Instant at, std::string_view event, std::uint64_t a, std::uint64_t b) {
  const auto us = static_cast<std::uint64_t>(at.time_since_epoch().count());
  mix(us);
  for (const char c : event) mix(static_cast<unsigned char>(c));
  mix(a);
  mix(b);
  if (!line_) return;
  char head[32];
  std::snprintf(head, sizeof head, "%14.6f s  ", static_cast<double>(us) / 1e6);
  std::string text = head;
  text += event;
  if (a != 0 || b != 0) text += " " + std::to_string(a);
  if (b != 0) text += " " + std::to_string(b);
  line_(text);
}

}  // namespace ota::sim
