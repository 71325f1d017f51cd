// Twin patches. Property: a patch that the rules let through merges into a document that the rules
// let through too, merging it again changes nothing, and the difference of two documents leads from
// one to the other.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "cloud/hub/twin/managed.hpp"
#include "cloud/hub/twin/twin.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace twin = ota::hub::twin;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto patch = ota::hub::parse_json_object(text, twin::kPatchLimits);
  if (!patch || !twin::check_content(patch.value())) return 0;
  const nlohmann::json before = {{"a", 1}, {"b", {{"c", "x"}, {"d", true}}}};
  nlohmann::json document = before;
  nlohmann::json metadata = nlohmann::json::object();
  const twin::Stamp stamp{.time = "t", .version = 2};
  twin::merge(document, metadata, patch.value(), stamp);
  if (!twin::check_content(document)) std::abort();
  nlohmann::json again = document;
  twin::merge(again, metadata, patch.value(), stamp);
  if (again != document) std::abort();
  nlohmann::json reached = before;
  twin::merge(reached, metadata, twin::difference(before, document), stamp);
  if (reached != document) std::abort();
  nlohmann::json managed = before;
  twin::merge(managed, metadata, twin::managed_patch(patch.value(), {}, before), stamp);
  if (!twin::managed_patch(patch.value(), {}, managed).empty()) std::abort();
  return 0;
}
