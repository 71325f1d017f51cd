#include "cloud/hub/query/tokens.hpp"

#include <array>
#include <cctype>
#include <optional>

#include "cloud/hub/query/syntax.hpp"

namespace ota::hub::query {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool starts_name(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalpha(byte) != 0 || c == '_' || c == '$' || byte >= 0x80;
}

bool continues_name(char c) { return starts_name(c) || is_digit(c); }

void append_utf8(std::string& text, unsigned code_point) {
  if (code_point < 0x80) {
    text += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    text += static_cast<char>(0xC0U | (code_point >> 6U));
    text += static_cast<char>(0x80U | (code_point & 0x3FU));
  } else {
    text += static_cast<char>(0xE0U | (code_point >> 12U));
    text += static_cast<char>(0x80U | ((code_point >> 6U) & 0x3FU));
    text += static_cast<char>(0x80U | (code_point & 0x3FU));
  }
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  Outcome<std::vector<Token>> run() {
    std::vector<Token> tokens;
    for (;;) {
      skip_space();
      if (at_ == text_.size()) break;
      OTA_TRY(auto token, next());
      tokens.push_back(std::move(token));
    }
    tokens.push_back({TokenKind::End, "", at_ + 1});
    return tokens;
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void skip_space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }

  Outcome<Token> next() {
    const char c = peek();
    if (starts_name(c)) return name();
    if (is_digit(c)) return number();
    if (c == '\'' || c == '"') return quoted(c);
    if (c == '[' && peek(1) == '[') return bracketed();
    return symbol();
  }

  Outcome<Token> name() {
    const std::size_t start = at_;
    while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
    return Token{TokenKind::Name, std::string(text_.substr(start, at_ - start)), start + 1};
  }

  Outcome<Token> number() {
    const std::size_t start = at_;
    const bool hex = peek() == '0' && (peek(1) == 'x' || peek(1) == 'X');
    if (hex) at_ += 2;
    while (std::isalnum(static_cast<unsigned char>(peek())) != 0 || peek() == '.' ||
           (!hex && (peek() == '-' || peek() == '+') &&
            (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E'))) {
      ++at_;
    }
    return Token{TokenKind::Number, std::string(text_.substr(start, at_ - start)), start + 1};
  }

  std::optional<unsigned> four_hex_digits() {
    unsigned value = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = peek();
      if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return std::nullopt;
      const int lower = std::tolower(static_cast<unsigned char>(c));
      value = value * 16 + static_cast<unsigned>(is_digit(c) ? c - '0' : lower - 'a' + 10);
      ++at_;
    }
    return value;
  }

  Outcome<Token> quoted(char quote) {
    const std::size_t start = at_++;
    std::string content;
    while (at_ < text_.size() && text_[at_] != quote) {
      const char c = text_[at_++];
      if (c != '\\') {
        content += c;
        continue;
      }
      const char escaped = peek();
      ++at_;
      if (escaped == 'u') {
        const auto code_point = four_hex_digits();
        if (!code_point || (*code_point >= 0xD800 && *code_point < 0xE000)) {
          return failure_at(at_, "\\u needs four hex digits of a character");
        }
        append_utf8(content, *code_point);
      } else if (escaped == '\'' || escaped == '"' || escaped == '\\') {
        content += escaped;
      } else {
        return failure_at(at_, "a string knows the escapes \\' \\\" \\\\ and \\uXXXX");
      }
    }
    if (at_ >= text_.size()) return failure_at(start + 1, "this string has no end");
    ++at_;
    return Token{TokenKind::Text, std::move(content), start + 1};
  }

  Outcome<Token> bracketed() {
    const std::size_t start = at_;
    const std::size_t end = text_.find("]]", at_);
    if (end == std::string_view::npos) return failure_at(start + 1, "this [[ has no ]]");
    at_ = end + 2;
    return Token{TokenKind::Bracketed, std::string(text_.substr(start + 2, end - start - 2)),
                 start + 1};
  }

  Outcome<Token> symbol() {
    constexpr std::array<std::string_view, 4> kPairs = {"!=", "<>", "<=", ">="};
    for (const std::string_view pair : kPairs) {
      if (text_.substr(at_, 2) == pair) return take_symbol(2);
    }
    if (std::string_view("=<>(),.[]*+-/%").find(peek()) != std::string_view::npos)
      return take_symbol(1);
    return failure_at(at_ + 1, "unexpected character");
  }

  Token take_symbol(std::size_t size) {
    Token token{TokenKind::Symbol, std::string(text_.substr(at_, size)), at_ + 1};
    at_ += size;
    return token;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Failure failure_at(std::size_t position, const std::string& problem) {
  return {code::kArgumentInvalid, "position " + std::to_string(position) + ": " + problem};
}

Outcome<std::vector<Token>> tokenize(std::string_view text) {
  if (text.size() > kTextBytesMax) {
    return Failure{code::kArgumentInvalid,
                   "the query has " + std::to_string(text.size()) + " bytes, the limit is 8192"};
  }
  return Scanner(text).run();
}

}  // namespace ota::hub::query
