#pragma once

// Inputs that are a conversation: one line per step, readable and easy to write by hand.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ota::fuzz {

/// Takes what stands before `mark` off the text, and the mark with it; all if there is no mark.
inline std::string_view take_until(std::string_view& text, std::string_view mark) {
  const std::size_t at = text.find(mark);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + mark.size());
  return taken;
}

/// A decimal number, read leniently: a fuzzer's bytes always mean something.
inline std::uint32_t number_of(std::string_view text) {
  std::uint32_t number = 0;
  for (const char c : text.substr(0, 9))
    number = number * 10 + static_cast<std::uint32_t>(static_cast<unsigned char>(c) - '0') % 10;
  return number;
}

/// Calls `step(command, rest)` for each line "command rest", at most `steps_max` times.
template <class Step>
void play(std::string_view script, std::size_t steps_max, const Step& step) {
  for (std::size_t i = 0; i < steps_max && !script.empty(); ++i) {
    std::string_view line = take_until(script, "\n");
    const std::string_view command = take_until(line, " ");
    step(command, line);
  }
}

}  // namespace ota::fuzz
