#include "cli/source.hpp"

#include <cstdlib>

namespace ota::cli {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read at start
  return value == nullptr ? "" : value;
}

}  // namespace

std::string profile_path_of(const Context& context) {
  if (!context.profile_path.empty()) return context.profile_path;
  return variable("AZURE_IOTHUB_CONNECTIONSTRING").empty() ? profile::default_path() : "";
}

profile::Profile environment_profile() {
  profile::Profile out{.kind = profile::Kind::Azure};
  out.iothub_connection_string = variable("AZURE_IOTHUB_CONNECTIONSTRING");
  out.storage_connection_string = variable("AZURE_STORAGE_CONNECTIONSTRING");
  out.dps_connection_string = variable("AZURE_DPS_CONNECTIONSTRING");
  return out;
}

}  // namespace ota::cli
