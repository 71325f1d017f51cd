// Properties of messages: the bag of an MQTT topic, made into header fields and back. Properties: a
// bag that the hub writes needs no level of a topic and reads back the same.

#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "cloud/hub/core/message_fields.hpp"
#include "fuzz/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ota;
  const std::string_view bag = text_of(std::as_bytes(std::span(data, size)));
  std::string written;
  for (const hub::MessageField& field : hub::read_message_fields(bag))
    hub::add_to_bag(written, field.name, field.value);
  fuzz::require(written.find_first_of("/+#$ ") == std::string::npos);
  const auto fields = hub::read_message_fields(bag);
  const auto again = hub::read_message_fields(written);
  fuzz::require(fields.size() == again.size());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    fuzz::require(fields[i].name == again[i].name && fields[i].value == again[i].value);
    fuzz::require(fields[i].system_name == again[i].system_name);
  }
  hub::HttpHeaders headers;
  hub::add_headers_of_bag(bag, headers);
  const auto made = hub::bag_of_headers(headers);
  if (made) fuzz::require(made.value().find_first_of("/+#$ ") == std::string::npos);
  return 0;
}
