#pragma once

// Requests as text: "METHOD TARGET", lines "Name: value", an empty line, the body; a line "--"
// stands between two of them.

#include <string>

#include "cloud/hub/core/http_message.hpp"
#include "fuzz/script.hpp"

namespace ota::fuzz {

inline constexpr std::string_view kNextRequest = "\n--\n";

inline hub::HttpRequest read_request(std::string_view text) {
  std::string_view line = take_until(text, "\n");
  hub::HttpRequest request;
  request.method = take_until(line, " ");
  request.path = take_until(line, "?");
  request.query = line;
  while (!text.empty()) {
    std::string_view field = take_until(text, "\n");
    if (field.empty()) break;
    const std::string name(take_until(field, ": "));
    request.headers.add(name, std::string(field));
  }
  request.body = text;
  return request;
}

}  // namespace ota::fuzz
