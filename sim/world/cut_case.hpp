#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/world/story.hpp"

namespace ota::sim {

/// One life of the power-cut campaign. As text it can be lived again:
///
///   update:7,flash@123/power/p3/e5/s99,hub@0/reset/s4
///
/// story and seed of the world, then the cuts: step, how many of them before, who loses its power,
/// the kinds of tear (absent: drawn from the seed), and the seed of the tear.
struct CutCase {
  Story story = Story::Update;
  std::uint64_t seed = 1;
  std::vector<Cut> cuts;
};

std::string to_text(const CutCase& life);
std::optional<CutCase> parse_cut_case(std::string_view text);

}  // namespace ota::sim
