#pragma once

#include <algorithm>
#include <cctype>
#include <string_view>

namespace ota::hub::query {

/// Keywords and built-in members compare without case; names of tags and properties do not.
inline bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](unsigned char x, unsigned char y) {
           return std::tolower(x) == std::tolower(y);
         });
}

}  // namespace ota::hub::query
