// Recursive descent over the tokens; the depth of nesting is bounded.

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "cloud/hub/query/syntax.hpp"
#include "cloud/hub/query/tokens.hpp"

namespace ota::hub::query {

namespace {

template <class Node>
ExpressionPtr make(Node node) {
  return std::make_unique<Expression>(Expression{std::move(node)});
}

constexpr std::array<std::string_view, 15> kKeywords = {"SELECT", "TOP", "FROM", "WHERE", "GROUP",
                                                        "BY",     "AS",  "AND",  "OR",    "NOT",
                                                        "IN",     "NIN", "NULL", "TRUE",  "FALSE"};

bool is_keyword(std::string_view name) {
  return std::any_of(kKeywords.begin(), kKeywords.end(),
                     [&](std::string_view word) { return equal_ignoring_case(word, name); });
}

constexpr std::size_t kIndexDigitsMax = 6;

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Outcome<Query> query() {
    Query result;
    OTA_TRY(expect_word("SELECT"));
    if (accept_word("TOP")) {
      OTA_TRY(result.top, top());
    }
    if (!accept_symbol("*")) {
      OTA_TRY(result.items, items());
    }
    OTA_TRY(expect_word("FROM"));
    OTA_TRY(result.source, source());
    if (accept_word("WHERE")) {
      OTA_TRY(result.where, any());
    }
    if (accept_word("GROUP")) {
      OTA_TRY(result.group_by, group_by());
    }
    OTA_TRY(expect_end());
    return result;
  }

  Outcome<ExpressionPtr> condition() {
    OTA_TRY(auto expression, any());
    OTA_TRY(expect_end());
    return expression;
  }

 private:
  const Token& current() const { return tokens_[at_]; }

  Failure expected(const std::string& what) const {
    const Token& token = current();
    const std::string found = token.kind == TokenKind::End ? "the end" : "'" + token.text + "'";
    return failure_at(token.position, "expected " + what + ", found " + found);
  }

  bool is_word(std::string_view word) const {
    return current().kind == TokenKind::Name && equal_ignoring_case(current().text, word);
  }
  bool accept_word(std::string_view word) {
    if (!is_word(word)) return false;
    ++at_;
    return true;
  }
  bool is_symbol(std::string_view symbol) const {
    return current().kind == TokenKind::Symbol && current().text == symbol;
  }
  bool accept_symbol(std::string_view symbol) {
    if (!is_symbol(symbol)) return false;
    ++at_;
    return true;
  }
  Outcome<Ok> expect_word(std::string_view word) {
    if (!accept_word(word)) return expected(std::string(word));
    return Ok{};
  }
  Outcome<Ok> expect_symbol(std::string_view symbol) {
    if (!accept_symbol(symbol)) return expected("'" + std::string(symbol) + "'");
    return Ok{};
  }
  Outcome<Ok> expect_end() const {
    if (current().kind != TokenKind::End) return expected("the end");
    return Ok{};
  }

  Outcome<std::int64_t> top() {
    if (current().kind != TokenKind::Number) return expected("a number behind TOP");
    OTA_TRY(const Literal number, number_literal());
    const auto* value = std::get_if<std::int64_t>(&number);
    if (value == nullptr || *value < 1)
      return failure_at(current().position, "TOP needs a whole number above 0");
    return *value;
  }

  Outcome<Source> source() {
    OTA_TRY(expect_word("devices"));
    if (!accept_symbol(".")) return Source::Devices;
    if (accept_word("modules")) return Source::Modules;
    if (accept_word("jobs")) return Source::Jobs;
    return expected("modules or jobs");
  }

  Outcome<std::vector<Item>> items() {
    std::vector<Item> list;
    do {
      OTA_TRY(auto item, this->item());
      list.push_back(std::move(item));
    } while (accept_symbol(","));
    return list;
  }

  Outcome<Item> item() {
    Item item;
    item.aggregate = aggregate_here();
    if (item.aggregate == Aggregate::None) {
      OTA_TRY(item.path, path());
    } else {
      at_ += 2;  // the name and '('
      if (item.aggregate != Aggregate::Count) {
        OTA_TRY(item.path, path());
      }
      OTA_TRY(expect_symbol(")"));
    }
    if (accept_word("AS")) {
      if (current().kind != TokenKind::Name || is_keyword(current().text))
        return expected("an alias");
      item.alias = tokens_[at_++].text;
    }
    return item;
  }

  Aggregate aggregate_here() const {
    constexpr std::array<std::pair<std::string_view, Aggregate>, 5> kAggregates = {
        {{"COUNT", Aggregate::Count},
         {"AVG", Aggregate::Average},
         {"SUM", Aggregate::Sum},
         {"MIN", Aggregate::Minimum},
         {"MAX", Aggregate::Maximum}}};
    const Token& next = tokens_[std::min(at_ + 1, tokens_.size() - 1)];
    if (next.kind != TokenKind::Symbol || next.text != "(") return Aggregate::None;
    for (const auto& [word, aggregate] : kAggregates) {
      if (is_word(word)) return aggregate;
    }
    return Aggregate::None;
  }

  Outcome<std::vector<Path>> group_by() {
    OTA_TRY(expect_word("BY"));
    std::vector<Path> paths;
    do {
      OTA_TRY(auto path, this->path());
      paths.push_back(std::move(path));
    } while (accept_symbol(","));
    return paths;
  }

  Outcome<Path> path() {
    Path path;
    path.position = current().position;
    if (current().kind != TokenKind::Name || is_keyword(current().text))
      return expected("a property");
    path.names.push_back(tokens_[at_++].text);
    // The long form "devices.tags.x" means the same; configurations may be followed by [[id]]
    // without a dot.
    for (;;) {
      if (is_symbol("[")) {
        OTA_TRY(index(path));
        continue;
      }
      if (!accept_symbol(".") && current().kind != TokenKind::Bracketed) break;
      if (current().kind != TokenKind::Name && current().kind != TokenKind::Bracketed)
        return expected("a name");
      // The cloud takes this one for the keyword, wherever it stands.
      if (is_word("GROUP")) return expected("a name; write [[group]], group is a keyword");
      path.names.push_back(tokens_[at_++].text);
    }
    if (path.names.size() > 1 && equal_ignoring_case(path.names.front(), "devices")) {
      path.names.erase(path.names.begin());
      for (std::size_t& place : path.indexes) --place;
    }
    return path;
  }

  /// "[3]": an element of an array.
  Outcome<Ok> index(Path& path) {
    OTA_TRY(expect_symbol("["));
    const std::string& digits = current().text;
    const bool whole =
        current().kind == TokenKind::Number && digits.size() <= kIndexDigitsMax &&
        std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!whole) return expected("the place of an element, counted from 0");
    path.indexes.push_back(path.names.size());
    path.names.push_back(digits);
    ++at_;
    return expect_symbol("]");
  }

  // ---- Expressions, weakest operator first ----
  Outcome<ExpressionPtr> any() {
    if (++depth_ > kDepthMax)
      return failure_at(current().position, "the expression is nested too deep");
    OTA_TRY(auto first, all());
    Any list;
    list.parts.push_back(std::move(first));
    while (accept_word("OR")) {
      OTA_TRY(auto part, all());
      list.parts.push_back(std::move(part));
    }
    --depth_;
    if (list.parts.size() == 1) return std::move(list.parts.front());
    return make(std::move(list));
  }

  Outcome<ExpressionPtr> all() {
    OTA_TRY(auto first, negation());
    All list;
    list.parts.push_back(std::move(first));
    while (accept_word("AND")) {
      OTA_TRY(auto part, negation());
      list.parts.push_back(std::move(part));
    }
    if (list.parts.size() == 1) return std::move(list.parts.front());
    return make(std::move(list));
  }

  Outcome<ExpressionPtr> negation() {
    bool negated = false;
    while (accept_word("NOT")) negated = !negated;
    OTA_TRY(auto part, comparison());
    if (!negated) return part;
    return make(Not{std::move(part)});
  }

  Outcome<ExpressionPtr> comparison() {
    OTA_TRY(auto left, sum());
    if (is_word("IN") || is_word("NIN")) return one_of(std::move(left));
    const auto comparison = comparison_here();
    if (!comparison) return left;
    ++at_;
    OTA_TRY(auto right, sum());
    return make(Compare{*comparison, std::move(left), std::move(right)});
  }

  std::optional<Comparison> comparison_here() const {
    constexpr std::array<std::pair<std::string_view, Comparison>, 7> kComparisons = {
        {{"=", Comparison::Equal},
         {"!=", Comparison::NotEqual},
         {"<>", Comparison::NotEqual},
         {"<", Comparison::Less},
         {"<=", Comparison::LessEqual},
         {">", Comparison::Greater},
         {">=", Comparison::GreaterEqual}}};
    if (current().kind != TokenKind::Symbol) return std::nullopt;
    for (const auto& [symbol, comparison] : kComparisons) {
      if (current().text == symbol) return comparison;
    }
    return std::nullopt;
  }

  Outcome<ExpressionPtr> one_of(ExpressionPtr value) {
    OneOf node{.value = std::move(value), .list = {}, .negated = is_word("NIN")};
    ++at_;
    OTA_TRY(expect_symbol("["));
    do {
      OTA_TRY(auto literal, this->literal());
      node.list.push_back(std::move(literal));
    } while (accept_symbol(","));
    OTA_TRY(expect_symbol("]"));
    return make(std::move(node));
  }

  Outcome<ExpressionPtr> sum() {
    OTA_TRY(auto left, product());
    for (std::size_t terms = 1;; ++terms) {
      const bool plus = accept_symbol("+");
      if (!plus && !accept_symbol("-")) return left;
      if (terms > kDepthMax) return failure_at(current().position, "the sum has too many terms");
      OTA_TRY(auto right, product());
      left = make(Compute{plus ? Arithmetic::Add : Arithmetic::Subtract, std::move(left),
                          std::move(right)});
    }
  }

  Outcome<ExpressionPtr> product() {
    OTA_TRY(auto left, primary());
    for (std::size_t factors = 1;; ++factors) {
      std::optional<Arithmetic> operation;
      if (accept_symbol("*"))
        operation = Arithmetic::Multiply;
      else if (accept_symbol("/"))
        operation = Arithmetic::Divide;
      else if (accept_symbol("%"))
        operation = Arithmetic::Remainder;
      if (!operation) return left;
      if (factors > kDepthMax)
        return failure_at(current().position, "the product has too many factors");
      OTA_TRY(auto right, primary());
      left = make(Compute{*operation, std::move(left), std::move(right)});
    }
  }

  Outcome<ExpressionPtr> primary() {
    if (accept_symbol("(")) {
      OTA_TRY(auto inner, any());
      OTA_TRY(expect_symbol(")"));
      return inner;
    }
    if (is_word("IS_DEFINED")) {
      ++at_;
      OTA_TRY(expect_symbol("("));
      OTA_TRY(auto path, this->path());
      OTA_TRY(expect_symbol(")"));
      return make(IsDefined{std::move(path)});
    }
    if (is_literal_here()) {
      OTA_TRY(auto literal, this->literal());
      return make(std::move(literal));
    }
    OTA_TRY(auto path, this->path());
    if (current().kind == TokenKind::Symbol && current().text == "(") {
      return failure_at(path.position, "the function " + path.names.front() +
                                           " does not exist here; only IS_DEFINED does");
    }
    return make(std::move(path));
  }

  bool is_literal_here() const {
    if (current().kind == TokenKind::Text || current().kind == TokenKind::Number) return true;
    if (current().kind == TokenKind::Symbol) return current().text == "-" || current().text == "+";
    return is_word("TRUE") || is_word("FALSE") || is_word("NULL") || is_word("UNDEFINED");
  }

  Outcome<Literal> literal() {
    if (current().kind == TokenKind::Text) return Literal{std::move(tokens_[at_++].text)};
    if (accept_word("TRUE")) return Literal{true};
    if (accept_word("FALSE")) return Literal{false};
    if (accept_word("NULL")) return Literal{Null{}};
    if (accept_word("UNDEFINED")) return Literal{Undefined{}};
    const bool negative = accept_symbol("-");
    if (!negative) accept_symbol("+");
    if (current().kind != TokenKind::Number)
      return expected("a string, a number, true, false, null or undefined");
    OTA_TRY(Literal number, number_literal());
    if (!negative) return number;
    if (auto* whole = std::get_if<std::int64_t>(&number)) *whole = -*whole;
    if (auto* real = std::get_if<double>(&number)) *real = -*real;
    return number;
  }

  Outcome<Literal> number_literal() {
    const Token& token = tokens_[at_++];
    const bool hex = token.text.size() > 2 && (token.text[1] == 'x' || token.text[1] == 'X');
    const char* first = token.text.data() + (hex ? 2 : 0);
    const char* last = token.text.data() + token.text.size();
    std::int64_t whole = 0;
    const auto as_whole = std::from_chars(first, last, whole, hex ? 16 : 10);
    if (as_whole.ec == std::errc{} && as_whole.ptr == last) return Literal{whole};
    double real = 0;
    const auto as_real = std::from_chars(first, last, real);
    if (!hex && as_real.ec == std::errc{} && as_real.ptr == last) return Literal{real};
    return failure_at(token.position, "'" + token.text + "' is not a number");
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

Outcome<Query> parse_query(std::string_view text) {
  OTA_TRY(auto tokens, tokenize(text));
  return Parser(std::move(tokens)).query();
}

Outcome<ExpressionPtr> parse_condition(std::string_view text) {
  OTA_TRY(auto tokens, tokenize(text));
  return Parser(std::move(tokens)).condition();
}

}  // namespace ota::hub::query
