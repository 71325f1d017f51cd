// The operator's profile. Properties: what is read can be written and read back as the same, and
// what is refused is refused with a sentence that names the file.

#include <cstdint>
#include <string>
#include <tuple>

#include "base/bytes.hpp"
#include "cloud/hub/files/scratch_directory.hpp"
#include "cloud/profile/profile.hpp"
#include "fuzz/memory_file.hpp"
#include "fuzz/require.hpp"

namespace {

using namespace ota;
using fuzz::require;

auto members(const profile::Profile& p) {
  return std::tie(p.kind, p.tier, p.units, p.iothub_connection_string, p.storage_connection_string,
                  p.dps_connection_string, p.dps_host, p.id_scope, p.enrollment_group_id,
                  p.enrollment_group_key, p.ca_file);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file(text_of(std::as_bytes(std::span(data, size))));
  const auto read = profile::read(file.path());
  if (!read) {
    require(read.error().find(file.path()) != std::string::npos);
    return 0;
  }
  static const hub::ScratchDirectory scratch;
  const std::string path = scratch.path() + "/profile.toml";
  require(profile::write(*read, path).has_value());
  const auto again = profile::read(path);
  require(again && members(*again) == members(*read));
  return 0;
}
