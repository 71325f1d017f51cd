#include "cloud/hub/core/message_fields.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "base/text.hpp"
#include "contract/azure/percent.hpp"

namespace ota::hub {

namespace {

struct SystemField {
  std::string_view bag;
  std::string_view header;  // lower case
  std::string_view json;
};
constexpr std::array kSystemFields = {
    SystemField{"$.mid", "iothub-messageid", "messageId"},
    SystemField{"$.cid", "iothub-correlationid", "correlationId"},
    SystemField{"$.uid", "iothub-userid", "userId"},
    SystemField{"$.to", "iothub-to", "to"},
    SystemField{"$.exp", "iothub-expiry", "absoluteExpiryTime"},
    SystemField{"$.ct", "iothub-contenttype", "contentType"},
    SystemField{"$.ce", "iothub-contentencoding", "contentEncoding"},
    SystemField{"$.ctime", "iothub-creationtimeutc", "creationTimeUtc"},
    SystemField{"$.schema", "iothub-messageschema", "messageSchema"},
    SystemField{"$.ifid", "iothub-interface-id", "interfaceId"},
    SystemField{"$.sub", "dt-subject", "dt-subject"},
    SystemField{"$.cdid", "iothub-connection-device-id", "connectionDeviceId"},
    SystemField{"$.cmid", "iothub-connection-module-id", "connectionModuleId"},
    SystemField{"iothub-ack", "iothub-ack", "iothub-ack"},
    SystemField{"iothub-MessageType", "iothub-messagetype", "iothub-MessageType"},
};
constexpr std::string_view kApplicationPrefix = "iothub-app-";

template <class Member>
const SystemField* find_field(Member member, std::string_view name) {
  for (const SystemField& field : kSystemFields) {
    if (field.*member == name) return &field;
  }
  return nullptr;
}

/// A header field name of RFC 9110; others cannot be sent.
bool is_token(std::string_view text) {
  constexpr std::string_view kPunctuation = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return c < 0x80 &&
           (std::isalnum(c) != 0 || kPunctuation.find(static_cast<char>(c)) != kPunctuation.npos);
  });
}

std::string decoded(std::string_view text) {
  return contract::percent_decode(text).value_or(std::string(text));
}

}  // namespace

std::vector<MessageField> read_message_fields(std::string_view bag) {
  std::vector<MessageField> fields;
  for (const auto& [name, value] : contract::split_bag(bag)) {
    if (name.empty()) continue;
    MessageField field{decoded(name), decoded(value), {}};
    if (const SystemField* known = find_field(&SystemField::bag, field.name))
      field.system_name = known->json;
    fields.push_back(std::move(field));
  }
  return fields;
}

void add_to_bag(std::string& bag, std::string_view name, std::string_view value) {
  if (!bag.empty()) bag += '&';
  bag += contract::percent_encode(name) + "=" + contract::percent_encode(value);
}

Outcome<std::string> bag_of_headers(const HttpHeaders& headers) {
  std::string bag;
  for (const auto& [name, value] : headers.all()) {
    const std::string lower_name = lower_case(name);
    const SystemField* known = find_field(&SystemField::header, lower_name);
    if (known != nullptr && known->bag != "$.to") {
      add_to_bag(bag, known->bag, value);
    } else if (lower_name.starts_with(kApplicationPrefix)) {
      const std::string_view property = std::string_view(name).substr(kApplicationPrefix.size());
      if (property.empty())
        return Failure{code::kArgumentInvalid, "a header field iothub-app- has no property's name"};
      add_to_bag(bag, property, value);
    }
  }
  if (bag.size() > kMessagePropertiesBytesMax) {
    return Failure{code::kMessageTooLarge, "the properties are larger than " +
                                               std::to_string(kMessagePropertiesBytesMax / 1024) +
                                               " KiB"};
  }
  return bag;
}

void add_headers_of_bag(std::string_view bag, HttpHeaders& headers) {
  for (const MessageField& field : read_message_fields(bag)) {
    const SystemField* known = find_field(&SystemField::bag, field.name);
    if (known != nullptr) {
      headers.add(std::string(known->header), field.value);
    } else if (is_token(field.name)) {
      headers.add(std::string(kApplicationPrefix) + field.name, field.value);
    }
  }
}

}  // namespace ota::hub
