// The IoT Hub query language. Property: what parses, SQLite runs; a query is never refused by the
// database that the compiler let through, whatever stands in its strings and names.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "cloud/hub/core/schema.hpp"
#include "cloud/hub/query/run.hpp"

namespace {

const ota::hub::Database& database() {
  static const ota::hub::Database opened = [] {
    auto fresh = ota::hub::Database::open_in_memory();
    if (!fresh || !fresh->migrate(ota::hub::kSchema)) std::abort();
    const auto added = fresh->execute(
        "INSERT INTO device_base (device_id, generation_id, device_etag, status, status_updated, "
        "authentication_type, tags)"
        " VALUES ('d', 'g', 'e', 'enabled', 't', 'sas', '{\"a\":1}')");
    if (!added) std::abort();
    return std::move(fresh).value();
  }();
  return opened;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const bool well_formed = !ota::hub::query::problem_of(text).has_value();
  const auto page =
      ota::hub::query::run(database(), {.text = text, .rows_max = 10, .continuation = {}});
  if (page.has_value() != well_formed) {
    if (!page) std::fprintf(stderr, "%s\n", page.error().message.c_str());
    std::abort();
  }
  const auto devices = database().find_integer("SELECT COUNT(*) FROM device");
  if (!devices || devices.value() != 1) std::abort();
  return 0;
}
