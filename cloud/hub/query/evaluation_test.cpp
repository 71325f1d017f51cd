// The compiler against a second implementation of the language.
//
// Goal: a condition selects exactly the devices for which the documented rules say that it holds.
// Method: random conditions as trees; each tree is written as text for the compiler and SQLite, and
// evaluated directly over the same random twins.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>

#include "cloud/hub/core/schema.hpp"
#include "cloud/hub/query/run.hpp"

namespace ota::hub::query {
namespace {

using nlohmann::json;

/// What an expression yields; nothing: undefined.
using Maybe = std::optional<json>;

class Dice {
 public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}
  int below(int count) { return static_cast<int>(engine_() % static_cast<unsigned>(count)); }
  template <class T>
  const T& one_of(const std::vector<T>& list) {
    return list[static_cast<std::size_t>(below(static_cast<int>(list.size())))];
  }

 private:
  std::mt19937 engine_;
};

struct Node {
  std::string text;
  std::function<Maybe(const json& tags)> value;
};

bool comparable(const Maybe& a, const Maybe& b) {
  if (!a || !b) return false;
  return (a->is_number() && b->is_number()) || (a->is_string() && b->is_string()) ||
         (a->is_boolean() && b->is_boolean());
}

Maybe compare(const std::string& op, const Maybe& a, const Maybe& b) {
  if (!comparable(a, b)) return std::nullopt;
  if (op == "=") return json(*a == *b);
  if (op == "!=" || op == "<>") return json(*a != *b);
  if (op == "<") return json(*a < *b);
  if (op == "<=") return json(*a <= *b);
  if (op == ">") return json(*a > *b);
  return json(*a >= *b);
}

Maybe compute(char op, const Maybe& a, const Maybe& b) {
  if (!a || !b || !a->is_number() || !b->is_number()) return std::nullopt;
  const double x = a->get<double>();
  const double y = b->get<double>();
  if (op == '+') return json(x + y);
  if (op == '-') return json(x - y);
  if (op == '*') return json(x * y);
  if (y == 0) return std::nullopt;
  return json(op == '/' ? x / y : std::fmod(x, y));
}

std::optional<bool> truth(const Maybe& value) {
  if (!value || !value->is_boolean()) return std::nullopt;
  return value->get<bool>();
}

Maybe both(const Maybe& a, const Maybe& b) {
  if (truth(a) == false || truth(b) == false) return json(false);
  if (truth(a) == true && truth(b) == true) return json(true);
  return std::nullopt;
}

Maybe negated(const Maybe& a) {
  const auto known = truth(a);
  return known ? Maybe(json(!*known)) : std::nullopt;
}

class Generator {
 public:
  explicit Generator(Dice& dice) : dice_(dice) {}

  json document() {
    json tags = json::object();
    for (const char* name : {"a", "b", "c"}) {
      if (dice_.below(4) != 0) tags[name] = scalar();
    }
    if (dice_.below(2) == 0) tags["o"] = {{"k", scalar()}};
    if (dice_.below(2) == 0) tags["l"] = json::array({scalar(), scalar()});
    return tags;
  }

  Node condition(int depth) {
    switch (depth == 0 ? 3 + dice_.below(4) : dice_.below(7)) {
      case 0:
        return joined(" AND ", depth, both);
      case 1:
        return joined(" OR ", depth, [](const Maybe& a, const Maybe& b) {
          return negated(both(negated(a), negated(b)));
        });
      case 2: {
        const Node part = condition(depth - 1);
        return {"NOT (" + part.text + ")", [=](const json& t) { return negated(part.value(t)); }};
      }
      case 3:
        return membership();
      case 4: {
        const Node place = path();
        return {"IS_DEFINED(" + place.text + ")",
                [=](const json& t) { return json(place.value(t).has_value()); }};
      }
      case 5:
        return path();
      default:
        return comparison();
    }
  }

 private:
  json scalar() {
    static const std::vector<json> values = {-2, 0,   1,   3,     0.5,  2.5,
                                             "", "a", "1", "o'h", true, false};
    return dice_.one_of(values);
  }

  static std::string written(const json& value) {
    if (!value.is_string()) return value.dump();
    return value == "o'h" ? R"('o\'h')" : "'" + value.get<std::string>() + "'";
  }

  Node literal() {
    const json value = scalar();
    return {written(value), [=](const json&) { return value; }};
  }

  Node path() {
    static const std::vector<std::pair<std::string, std::string>> places = {
        {"tags.a", "/a"}, {"tags.b", "/b"},      {"Tags.c", "/c"},      {"tags.o.k", "/o/k"},
        {"tags.o", "/o"}, {"tags.l[0]", "/l/0"}, {"tags.l[5]", "/l/5"}, {"devices.tags.a", "/a"},
        {"tags.l", "/l"}, {"tags.[[a]]", "/a"}};
    const auto& [text, pointer] = dice_.one_of(places);
    return {text, [at = json::json_pointer(pointer)](const json& tags) {
              return tags.contains(at) ? Maybe(tags.at(at)) : std::nullopt;
            }};
  }

  Node operand() {
    const int kind = dice_.below(6);
    if (kind < 3) return path();
    if (kind < 5) return literal();
    const Node left = path();
    const Node right =
        dice_.below(2) == 0 ? Node{"2", [](const json&) { return json(2); }} : path();
    // A quotient of two properties could differ in its last digit.
    const char op = right.text == "2" ? dice_.one_of(std::vector<char>{'+', '-', '*', '/', '%'})
                                      : dice_.one_of(std::vector<char>{'+', '-', '*'});
    return {left.text + " " + op + " " + right.text,
            [=](const json& t) { return compute(op, left.value(t), right.value(t)); }};
  }

  Node comparison() {
    const Node left = operand();
    const Node right = operand();
    const auto op = dice_.one_of(std::vector<std::string>{"=", "!=", "<>", "<", "<=", ">", ">="});
    return {left.text + " " + op + " " + right.text,
            [=](const json& t) { return compare(op, left.value(t), right.value(t)); }};
  }

  Node membership() {
    const Node value = dice_.below(3) == 0 ? literal() : path();
    const bool in = dice_.below(2) == 0;
    std::vector<json> list;
    std::string text;
    for (int i = 0; i <= dice_.below(3); ++i) {
      list.push_back(scalar());
      text += (i == 0 ? "" : ", ") + written(list.back());
    }
    return {value.text + (in ? " IN [" : " NIN [") + text + "]", [=](const json& t) -> Maybe {
              const Maybe found = value.value(t);
              if (!found || found->is_structured()) return std::nullopt;
              const bool held = std::any_of(list.begin(), list.end(), [&](const json& item) {
                return comparable(found, item) && item == *found;
              });
              return json(held == in);
            }};
  }

  template <class Join>
  Node joined(const std::string& word, int depth, Join join) {
    const Node left = condition(depth - 1);
    const Node right = condition(depth - 1);
    return {"(" + left.text + ")" + word + "(" + right.text + ")",
            [=](const json& t) { return join(left.value(t), right.value(t)); }};
  }

  Dice& dice_;
};

TEST(QueryEvaluation, AgreesWithASecondImplementation) {
  const char* given = std::getenv("OTA_TEST_SEED");
  const auto seed = static_cast<std::uint32_t>(given == nullptr ? 1 : std::atoi(given));
  SCOPED_TRACE(::testing::Message() << "OTA_TEST_SEED=" << seed);
  Dice dice(seed);
  Generator generator(dice);
  auto database = std::move(Database::open_in_memory()).value();
  ASSERT_TRUE(database.migrate(kSchema));
  std::vector<json> documents;
  for (int i = 10; i < 50; ++i) {
    documents.push_back(generator.document());
    ASSERT_TRUE(database.execute(
        "INSERT INTO device_base (device_id, generation_id, device_etag, status, status_updated,"
        " authentication_type, tags) VALUES (?1, 'g', 'e', 'enabled', 't', 'sas', ?2)",
        {std::to_string(i), documents.back().dump()}));
  }
  std::size_t selected = 0;
  for (int round = 0; round < 1000; ++round) {
    const Node condition = generator.condition(3);
    std::vector<std::string> expected;
    for (std::size_t i = 0; i < documents.size(); ++i) {
      if (truth(condition.value(documents[i])) == true) expected.push_back(std::to_string(i + 10));
    }
    const auto page = run(database, {.text = "SELECT * FROM devices WHERE " + condition.text,
                                     .rows_max = 1000,
                                     .continuation = {}});
    ASSERT_TRUE(page) << condition.text << ": " << page.error().message;
    ASSERT_EQ(page.value().items, expected) << condition.text;
    selected += expected.size();
  }
  EXPECT_GT(selected, 1000U);  // The conditions are no empty exercise.
}

}  // namespace
}  // namespace ota::hub::query
