#include "cli/json_output.hpp"

#include <iostream>
#include <nlohmann/json.hpp>

namespace ota::cli {

void print_json(const nlohmann::json& document) {
  std::cout << document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n"
            << std::flush;
}

void print_json_line(const nlohmann::json& document) {
  std::cout << document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
}

}  // namespace ota::cli
