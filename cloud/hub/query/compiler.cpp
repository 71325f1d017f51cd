#include "cloud/hub/query/compiler.hpp"

#include <algorithm>
#include <span>

#include "base/text.hpp"
#include "cloud/hub/query/members.hpp"
#include "cloud/hub/query/tokens.hpp"

namespace ota::hub::query {

namespace {

/// A value in a condition: its type if known, and SQL.
struct Operand {
  Type type = Type::Undefined;
  std::string value;
  std::string dynamic_type;
};

/// Pairs of types that compare: 's', 'n' or 'b'; NULL for objects, arrays and what is not there.
std::string type_class(const Operand& operand) {
  switch (operand.type) {
    case Type::Text:
      return "'s'";
    case Type::Number:
      return "'n'";
    case Type::Boolean:
      return "'b'";
    case Type::Null:
    case Type::Undefined:
      return "NULL";
    case Type::Dynamic:
      break;
  }
  return "CASE " + operand.dynamic_type +
         " WHEN 'text' THEN 's' WHEN 'integer' THEN 'n' WHEN 'real' THEN 'n' WHEN 'true' THEN 'b' "
         "WHEN 'false' THEN 'b' END";
}

std::string is_of_type(const Operand& operand, Type type) {
  if (operand.type != Type::Dynamic) return operand.type == type ? "1" : "0";
  switch (type) {
    case Type::Text:
      return operand.dynamic_type + " = 'text'";
    case Type::Number:
      return operand.dynamic_type + " IN ('integer', 'real')";
    case Type::Boolean:
      return operand.dynamic_type + " IN ('true', 'false')";
    case Type::Null:
      return operand.dynamic_type + " = 'null'";
    case Type::Undefined:
    case Type::Dynamic:
      break;
  }
  return "0";
}

std::string_view sql_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::Equal:
      return " = ";
    case Comparison::NotEqual:
      return " <> ";
    case Comparison::Less:
      return " < ";
    case Comparison::LessEqual:
      return " <= ";
    case Comparison::Greater:
      return " > ";
    case Comparison::GreaterEqual:
      return " >= ";
  }
  return " = ";
}

std::string arithmetic_sql(Arithmetic operation, const std::string& left,
                           const std::string& right) {
  switch (operation) {
    case Arithmetic::Add:
      return left + " + " + right;
    case Arithmetic::Subtract:
      return left + " - " + right;
    case Arithmetic::Multiply:
      return left + " * " + right;
    // SQL would divide whole numbers without the fraction.
    case Arithmetic::Divide:
      return left + " * 1.0 / " + right;
    // SQL would cut both sides to whole numbers.
    case Arithmetic::Remainder:
      return left + " - " + right + " * CAST(" + left + " * 1.0 / " + right + " AS INTEGER)";
  }
  return left;
}

/// a AND b AND c ... as a balanced tree: SQLite bounds the depth of expressions.
std::string join(std::span<const std::string> parts, std::string_view op) {
  if (parts.size() == 1) return parts.front();
  const std::size_t half = parts.size() / 2;
  return "(" + join(parts.first(half), op) + std::string(op) + join(parts.subspan(half), op) + ")";
}

class ConditionCompiler {
 public:
  ConditionCompiler(Parameters& parameters, Source source)
      : parameters_(parameters), source_(source) {}

  Outcome<std::string> condition(const Expression& expression) {
    return std::visit([this](const auto& node) { return this->condition_of(node); },
                      expression.node);
  }

 private:
  Outcome<std::string> parts(const std::vector<ExpressionPtr>& list, std::string_view op) {
    std::vector<std::string> texts;
    for (const ExpressionPtr& part : list) {
      OTA_TRY(auto text, condition(*part));
      texts.push_back(std::move(text));
    }
    return join(texts, op);
  }

  Outcome<std::string> condition_of(const All& node) { return parts(node.parts, " AND "); }
  Outcome<std::string> condition_of(const Any& node) { return parts(node.parts, " OR "); }
  Outcome<std::string> condition_of(const Not& node) {
    OTA_TRY(const auto part, condition(*node.part));
    return "(NOT " + part + ")";
  }
  Outcome<std::string> condition_of(const IsDefined& node) {
    OTA_TRY(const auto member, resolve(node.path, source_, parameters_));
    return "(" + member.json + " IS NOT NULL)";
  }
  Outcome<std::string> condition_of(const Compute&) { return std::string("NULL"); }
  Outcome<std::string> condition_of(const Literal& node) {
    const auto* flag = std::get_if<bool>(&node);
    return std::string(flag == nullptr ? "NULL" : *flag ? "1" : "0");
  }
  Outcome<std::string> condition_of(const Path& node) {
    OTA_TRY(const auto member, resolve(node, source_, parameters_));
    if (member.type == Type::Boolean) return member.value;
    if (member.type != Type::Dynamic) return std::string("NULL");
    return "(CASE " + member.dynamic_type + " WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)";
  }

  Outcome<std::string> condition_of(const Compare& node) {
    OTA_TRY(const auto left, operand(*node.left));
    OTA_TRY(const auto right, operand(*node.right));
    if (left.type == Type::Null) return compare_with_null(right, node.comparison);
    if (right.type == Type::Null) return compare_with_null(left, node.comparison);
    const std::string comparison = left.value + std::string(sql_of(node.comparison)) + right.value;
    std::string same_type;
    if (left.type == Type::Undefined || right.type == Type::Undefined) return std::string("NULL");
    if (left.type == Type::Dynamic && right.type == Type::Dynamic) {
      same_type = type_class(left) + " = " + type_class(right);
    } else if (left.type == Type::Dynamic) {
      same_type = is_of_type(left, right.type);
    } else {
      same_type = is_of_type(right, left.type);
    }
    return "(CASE WHEN " + same_type + " THEN " + comparison + " END)";
  }

  static Outcome<std::string> compare_with_null(const Operand& other, Comparison comparison) {
    if (comparison != Comparison::Equal && comparison != Comparison::NotEqual)
      return std::string("NULL");
    const std::string result = comparison == Comparison::Equal ? "1" : "0";
    if (other.type == Type::Null) return result;
    if (other.type == Type::Undefined) return std::string("NULL");
    const std::string is_null =
        other.type == Type::Dynamic ? is_of_type(other, Type::Null) : other.value + " IS NULL";
    return "(CASE WHEN " + is_null + " THEN " + result + " END)";
  }

  Outcome<std::string> condition_of(const OneOf& node) {
    OTA_TRY(const auto value, operand(*node.value));
    std::string texts;
    std::string numbers;
    std::string flags;
    const auto append = [&](std::string& list, Value literal) {
      list += (list.empty() ? "" : ", ") + parameters_.add(std::move(literal));
    };
    for (const Literal& literal : node.list) {
      if (const auto* text = std::get_if<std::string>(&literal)) append(texts, *text);
      if (const auto* whole = std::get_if<std::int64_t>(&literal)) append(numbers, *whole);
      if (const auto* real = std::get_if<double>(&literal)) append(numbers, *real);
      if (const auto* flag = std::get_if<bool>(&literal)) append(flags, *flag);
    }
    if (value.type == Type::Null || value.type == Type::Undefined) return std::string("NULL");
    const std::string in = value.value + " IN (";
    return std::string(node.negated ? "(NOT " : "(") + "CASE " + type_class(value) +
           " WHEN 's' THEN " + in + texts + ") WHEN 'n' THEN " + in + numbers + ") WHEN 'b' THEN " +
           in + flags + ") END)";
  }

  Outcome<Operand> operand(const Expression& expression) {
    if (const auto* path = std::get_if<Path>(&expression.node)) {
      OTA_TRY(const auto member, resolve(*path, source_, parameters_));
      return Operand{member.type, member.value, member.dynamic_type};
    }
    if (const auto* literal = std::get_if<Literal>(&expression.node))
      return literal_operand(*literal);
    if (const auto* compute = std::get_if<Compute>(&expression.node))
      return computed_operand(*compute);
    OTA_TRY(auto text, condition(expression));
    return Operand{Type::Boolean, std::move(text), {}};
  }

  Operand literal_operand(const Literal& literal) {
    if (const auto* text = std::get_if<std::string>(&literal))
      return {Type::Text, parameters_.add(*text), {}};
    if (const auto* whole = std::get_if<std::int64_t>(&literal))
      return {Type::Number, parameters_.add(*whole), {}};
    if (const auto* real = std::get_if<double>(&literal))
      return {Type::Number, parameters_.add(*real), {}};
    if (const auto* flag = std::get_if<bool>(&literal))
      return {Type::Boolean, *flag ? "1" : "0", {}};
    if (std::holds_alternative<Null>(literal)) return {Type::Null, "NULL", {}};
    return {Type::Undefined, "NULL", {}};
  }

  Outcome<Operand> computed_operand(const Compute& node) {
    OTA_TRY(const auto left, operand(*node.left));
    OTA_TRY(const auto right, operand(*node.right));
    return Operand{Type::Number,
                   "(CASE WHEN " + is_of_type(left, Type::Number) + " AND " +
                       is_of_type(right, Type::Number) + " THEN " +
                       arithmetic_sql(node.operation, left.value, right.value) + " END)",
                   {}};
  }

  Parameters& parameters_;
  Source source_;
};

std::string aggregate_sql(Aggregate aggregate, const Member& member) {
  const Operand operand{member.type, member.value, member.dynamic_type};
  const bool ordered = aggregate == Aggregate::Minimum || aggregate == Aggregate::Maximum;
  const std::string numbers = is_of_type(operand, Type::Number);
  const std::string usable = ordered ? numbers + " OR " + is_of_type(operand, Type::Text) : numbers;
  const char* function = aggregate == Aggregate::Average   ? "AVG("
                         : aggregate == Aggregate::Sum     ? "SUM("
                         : aggregate == Aggregate::Minimum ? "MIN("
                                                           : "MAX(";
  const std::string value = function + ("CASE WHEN " + usable) + " THEN " + member.value + " END)";
  return "CASE WHEN " + value + " IS NOT NULL THEN json_quote(" + value + ") END";
}

bool same_path(const Path& a, const Path& b) {
  return a.names == b.names && a.indexes == b.indexes;
}

template <class Visit>
void for_each_path(const Expression& expression, const Visit& visit) {
  if (const auto* path = std::get_if<Path>(&expression.node)) visit(*path);
  if (const auto* defined = std::get_if<IsDefined>(&expression.node)) visit(defined->path);
  if (const auto* all = std::get_if<All>(&expression.node)) {
    for (const ExpressionPtr& part : all->parts) for_each_path(*part, visit);
  }
  if (const auto* any = std::get_if<Any>(&expression.node)) {
    for (const ExpressionPtr& part : any->parts) for_each_path(*part, visit);
  }
  if (const auto* negation = std::get_if<Not>(&expression.node))
    for_each_path(*negation->part, visit);
  if (const auto* one_of = std::get_if<OneOf>(&expression.node))
    for_each_path(*one_of->value, visit);
  if (const auto* compare = std::get_if<Compare>(&expression.node)) {
    for_each_path(*compare->left, visit);
    for_each_path(*compare->right, visit);
  }
  if (const auto* compute = std::get_if<Compute>(&expression.node)) {
    for_each_path(*compute->left, visit);
    for_each_path(*compute->right, visit);
  }
}

}  // namespace

std::string Parameters::add(Value value) {
  values_.push_back(std::move(value));
  return "?" + std::to_string(values_.size());
}

Outcome<std::string> compile_condition(const Expression& condition, Parameters& parameters,
                                       Source source) {
  return ConditionCompiler(parameters, source).condition(condition);
}

Outcome<Projection> compile_projection(const Query& query, Parameters& parameters) {
  Projection projection;
  if (query.source == Source::Jobs) {
    for (const Member& member : members_of_job()) {
      projection.members.push_back(member.name);
      projection.columns.push_back(member.json);
    }
    return projection;
  }
  projection.aggregates = !query.group_by.empty();
  for (const Item& item : query.items) projection.aggregates |= item.aggregate != Aggregate::None;
  for (const Path& path : query.group_by) {
    OTA_TRY(const auto member, resolve(path, query.source, parameters));
    projection.group_by.push_back(member.json);
  }
  std::size_t unnamed = 0;
  for (const Item& item : query.items) {
    if (item.aggregate == Aggregate::Count) {
      projection.columns.push_back("json_quote(COUNT(*))");
      projection.members.push_back(item.alias.empty() ? "$" + std::to_string(++unnamed)
                                                      : item.alias);
      continue;
    }
    OTA_TRY(const auto member, resolve(item.path, query.source, parameters));
    if (item.aggregate != Aggregate::None) {
      projection.columns.push_back(aggregate_sql(item.aggregate, member));
      projection.members.push_back(item.alias.empty() ? "$" + std::to_string(++unnamed)
                                                      : item.alias);
      continue;
    }
    const bool grouped = std::any_of(query.group_by.begin(), query.group_by.end(),
                                     [&](const Path& path) { return same_path(path, item.path); });
    if (projection.aggregates && !grouped) {
      return failure_at(item.path.position,
                        "beside an aggregate only paths of GROUP BY can be selected");
    }
    projection.columns.push_back(member.json);
    projection.members.push_back(item.alias.empty() ? member.name : item.alias);
  }
  return projection;
}

Reads reads_of(const Expression& condition) {
  Reads reads;
  for_each_path(condition, [&](const Path& path) {
    const std::string& root = path.names.front();
    const std::string_view section =
        path.names.size() > 1 ? std::string_view(path.names[1]) : std::string_view{};
    if (equal_ignoring_case(root, "deviceId")) return;
    if (equal_ignoring_case(root, "tags")) {
      reads.tags = true;
    } else if (equal_ignoring_case(root, "properties")) {
      reads.desired |= !equal_ignoring_case(section, "reported");
      reads.reported |= !equal_ignoring_case(section, "desired");
    } else if (reads.other.empty()) {
      reads.other = root;
    }
  });
  return reads;
}

}  // namespace ota::hub::query
