#pragma once

// From the syntax tree to SQL over the hub's tables (cloud/hub/core/schema.hpp): device AS d,
// target AS t, device_job AS j with
// its job AS b. Every text of the query becomes a bound parameter; only SQL that this file holds
// stands in the statement.
//
// Three-valued logic carries the language's rules: a comparison with something undefined or of
// another type is NULL, never true, and neither is its negation.

#include <string>
#include <vector>

#include "cloud/hub/query/syntax.hpp"
#include "cloud/hub/state/database.hpp"

namespace ota::hub::query {

/// The parameters of one statement, shared by all that is compiled into it.
class Parameters {
 public:
  /// "?1", "?2", ...
  std::string add(Value value);
  const Values& values() const { return values_; }

 private:
  Values values_;
};

/// SQL that is 1 exactly for the devices for which the condition holds. Errors: ArgumentInvalid
/// (unknown member).
Outcome<std::string> compile_condition(const Expression& condition, Parameters& parameters,
                                       Source source = Source::Devices);

/// The columns of a projection: each yields a JSON text, or NULL where the member is left out.
struct Projection {
  std::vector<std::string> members;
  std::vector<std::string> columns;
  std::vector<std::string> group_by;
  bool aggregates = false;  // one row for all devices, or one per group
};
Outcome<Projection> compile_projection(const Query& query, Parameters& parameters);

/// Which parts of a twin a condition looks at.
struct Reads {
  bool tags = false;
  bool desired = false;
  bool reported = false;
  std::string other;  // the first member that is neither these nor deviceId
};
Reads reads_of(const Expression& condition);

}  // namespace ota::hub::query
