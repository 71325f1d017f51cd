#pragma once

#include <string_view>

#include "contract/status.hpp"

namespace ota::engine {

/// One sentence for a person: what happened, and what it takes to go on. Empty for Code::None.
std::string_view explain(contract::Code code) noexcept;

}  // namespace ota::engine
