#include "contract/azure/percent.hpp"

#include <array>

#include "base/hex.hpp"

namespace ota::contract {
namespace {

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      const auto value = static_cast<unsigned char>(c);
      out += '%';
      out += digits[value >> 4U];
      out += digits[value & 0xFU];
    }
  }
  return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    std::array<std::byte, 1> value{};
    if (i + 2 >= text.size() || !hex_decode(text.substr(i + 1, 2), value)) return std::nullopt;
    out += static_cast<char>(value[0]);
    i += 2;
  }
  return out;
}

BagFields split_bag(std::string_view bag) {
  BagFields fields;
  while (!bag.empty()) {
    const std::size_t end = bag.find('&');
    const std::string_view field = bag.substr(0, end);
    bag = end == std::string_view::npos ? std::string_view{} : bag.substr(end + 1);
    if (field.empty()) continue;
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos) {
      fields.emplace_back(field, std::string_view{});
    } else {
      fields.emplace_back(field.substr(0, equals), field.substr(equals + 1));
    }
  }
  return fields;
}

std::optional<std::string_view> bag_value(const BagFields& fields, std::string_view key) {
  for (const auto& [name, value] : fields) {
    if (name == key) return value;
  }
  return std::nullopt;
}

}  // namespace ota::contract
