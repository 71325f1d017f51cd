#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace ota::contract {

/// Twins, answers and configurations nest about ten levels; the services allow no more.
inline constexpr std::size_t kJsonDepthMax = 64;

/// How deep objects and arrays are nested, without parsing; for a text that is not JSON some
/// number.
std::size_t json_depth(std::string_view text);

/// The value of a text that somebody else sent; discarded if it is no JSON, or nested deeper than
/// kJsonDepthMax: copying and printing a value recurse, so 60,000 brackets would end the program.
nlohmann::json read_json(std::string_view text);

}  // namespace ota::contract
