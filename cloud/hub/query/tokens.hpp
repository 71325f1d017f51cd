#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/hub/state/failure.hpp"

namespace ota::hub::query {

enum class TokenKind : std::uint8_t { Name, Bracketed, Text, Number, Symbol, End };

struct Token {
  TokenKind kind = TokenKind::End;
  std::string text;          // strings are unescaped; [[x]] is x
  std::size_t position = 0;  // in bytes, from 1
};

/// Splits a query. The last token is always End. Errors: ArgumentInvalid with the position.
Outcome<std::vector<Token>> tokenize(std::string_view text);

/// "position 12: {problem}".
Failure failure_at(std::size_t position, const std::string& problem);

}  // namespace ota::hub::query
