#pragma once

// What a path of the query language means in the hub's tables.

#include <string>

#include "cloud/hub/query/compiler.hpp"

namespace ota::hub::query {

/// The type of a value, as far as it is known before the query runs.
enum class Type : std::uint8_t { Dynamic, Text, Number, Boolean, Null, Undefined };

struct Member {
  Type type = Type::Undefined;
  std::string value;         // SQL of the value
  std::string dynamic_type;  // SQL of SQLite's json_type, for Dynamic
  std::string json;          // SQL of the JSON text; NULL if undefined
  std::string name;          // the last name, with built-in members in their own spelling
};

/// Errors: ArgumentInvalid (no such member).
Outcome<Member> resolve(const Path& path, Source source, Parameters& parameters);

/// What a row of devices.jobs consists of.
std::vector<Member> members_of_job();

}  // namespace ota::hub::query
