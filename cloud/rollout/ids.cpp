#include "cloud/rollout/ids.hpp"

#include <algorithm>

namespace ota::rollout {
namespace {

constexpr std::size_t kIdBytesMax = 128;

/// Whether an id has the right length and only letters, digits and `marks`.
bool is_id(std::string_view id, std::string_view marks) {
  return !id.empty() && id.size() <= kIdBytesMax &&
         std::all_of(id.begin(), id.end(), [marks](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  marks.find(c) != std::string_view::npos;
         });
}

Failure refused(std::string code, std::string message) {
  return {.kind = Failure::Kind::Input, .code = std::move(code), .message = std::move(message)};
}

}  // namespace

Outcome<Ok> check_device_id(std::string_view id) {
  if (is_id(id, "-.+%_#*?!(),:=@$'")) return Ok{};
  return refused("device_id_invalid",
                 "a device id has 1 to 128 letters, digits or - . + % _ # * ? ! ( ) , : = @ $ '");
}

Outcome<Ok> check_enrollment_id(std::string_view id) {
  if (is_id(id, "-._:")) return Ok{};
  return refused("enrollment_id_invalid",
                 "an enrollment id has 1 to 128 letters, digits or - . _ :");
}

}  // namespace ota::rollout
