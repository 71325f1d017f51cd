#pragma once

#include <nlohmann/json_fwd.hpp>

namespace ota::cli {

/// Prints a document that carries "schema" already; text that is no UTF-8 is replaced.
void print_json(const nlohmann::json& document);

/// The same in one line, for verbs that print one document after the other.
void print_json_line(const nlohmann::json& document);

}  // namespace ota::cli
