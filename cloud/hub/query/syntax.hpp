#pragma once

// The IoT Hub query language as a tree. Source: "IoT Hub query language for device and module
// twins, jobs, and message routing".
//
//   query     := SELECT [TOP n] list FROM source [WHERE condition] [GROUP BY path {, path}]
//   condition := AND, OR, NOT, comparisons, IN, NIN, IS_DEFINED, arithmetic

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cloud/hub/state/failure.hpp"

namespace ota::hub::query {

inline constexpr std::size_t kTextBytesMax = 8192;
inline constexpr std::size_t kDepthMax = 100;  // nested expressions

/// tags.a.[[b.c]][0]: the names of the members. `position` counts bytes from 1.
struct Path {
  std::vector<std::string> names;
  std::vector<std::size_t> indexes;  // which of the names are places in an array
  std::size_t position = 0;
};

struct Undefined {};
struct Null {};
using Literal = std::variant<Undefined, Null, bool, std::int64_t, double, std::string>;

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

enum class Comparison : std::uint8_t { Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual };
enum class Arithmetic : std::uint8_t { Add, Subtract, Multiply, Divide, Remainder };

struct All {
  std::vector<ExpressionPtr> parts;  // AND
};
struct Any {
  std::vector<ExpressionPtr> parts;  // OR
};
struct Not {
  ExpressionPtr part;
};
struct Compare {
  Comparison comparison;
  ExpressionPtr left, right;
};
struct Compute {
  Arithmetic operation;
  ExpressionPtr left, right;
};
struct OneOf {
  ExpressionPtr value;
  std::vector<Literal> list;
  bool negated = false;  // NIN
};
struct IsDefined {
  Path path;
};

struct Expression {
  std::variant<All, Any, Not, Compare, Compute, OneOf, IsDefined, Path, Literal> node;
};

enum class Aggregate : std::uint8_t { None, Count, Average, Sum, Minimum, Maximum };

struct Item {
  Aggregate aggregate = Aggregate::None;
  Path path;          // empty for COUNT()
  std::string alias;  // empty: the last name of the path
};

enum class Source : std::uint8_t { Devices, Modules, Jobs };

struct Query {
  std::vector<Item> items;  // empty: *
  Source source = Source::Devices;
  ExpressionPtr where;  // may be null
  std::vector<Path> group_by;
  std::int64_t top = 0;  // 0: all
};

/// Errors: ArgumentInvalid with the position and what was expected there.
Outcome<Query> parse_query(std::string_view text);

/// A configuration's target condition: what stands behind WHERE. "*" and "" are the caller's
/// business.
Outcome<ExpressionPtr> parse_condition(std::string_view text);

}  // namespace ota::hub::query
