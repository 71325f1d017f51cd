#include "contract/azure/shared_key.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "base/encoding.hpp"
#include "contract/azure/percent.hpp"

namespace ota::contract {
namespace {

constexpr std::string_view kScheme = "SharedKey ";

/// The standard headers whose values are signed without their names, in this order.
constexpr std::array<std::string_view, 11> kSignedValues = {"content-encoding",
                                                            "content-language",
                                                            "content-length",
                                                            "content-md5",
                                                            "content-type",
                                                            "date",
                                                            "if-modified-since",
                                                            "if-match",
                                                            "if-none-match",
                                                            "if-unmodified-since",
                                                            "range"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Trims, and makes one blank of each run of white space.
std::string unfold(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (!is_blank(c)) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

/// Lower-case names in order; several fields of one name are one, joined by commas.
std::map<std::string, std::string> by_name(const HeaderFields& headers) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : headers) {
    const auto [it, added] = out.try_emplace(lower(name), unfold(value));
    if (!added) it->second += "," + unfold(value);
  }
  return out;
}

/// What decides first: each character's place among words. Hyphens and whatever else no name holds
/// have none.
std::string word_key(std::string_view name) {
  constexpr std::string_view places = "!#$%&*.^_`|~+0123456789abcdefghijklmnopqrstuvwxyz";
  std::string key;
  for (const char c : name) {
    const std::size_t place = places.find(c);
    if (place != std::string_view::npos) key += static_cast<char>(place + 1);
  }
  return key;
}

/// Names are in lower case.
bool before_as_words(const std::string& a, const std::string& b) {
  const std::string key_a = word_key(a);
  const std::string key_b = word_key(b);
  if (key_a != key_b) return key_a < key_b;
  const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return in_b != b.end() && *in_b == '-';  // The later hyphen comes first.
}

std::string canonical_headers(const std::map<std::string, std::string>& headers,
                              HeaderOrder order) {
  std::vector<std::pair<std::string, std::string>> own;
  for (const auto& [name, value] : headers) {
    if (name.starts_with("x-ms-")) own.emplace_back(name, value);
  }
  if (order == HeaderOrder::Words) {
    std::sort(own.begin(), own.end(),
              [](const auto& a, const auto& b) { return before_as_words(a.first, b.first); });
  }
  std::string text;
  for (const auto& [name, value] : own) text += name + ":" + value + "\n";
  return text;
}

std::optional<std::string> canonical_resource(const SharedKeyRequest& request) {
  std::map<std::string, std::vector<std::string>> parameters;
  for (const auto& [name, value] : split_bag(request.query)) {
    const auto decoded_name = percent_decode(name);
    const auto decoded_value = percent_decode(value);
    if (!decoded_name || !decoded_value) return std::nullopt;
    parameters[lower(*decoded_name)].push_back(*decoded_value);
  }
  std::string out = "/";
  out += request.account;
  out += request.path;
  for (auto& [name, values] : parameters) {
    std::sort(values.begin(), values.end());
    out += "\n" + name + ":";
    for (std::size_t i = 0; i < values.size(); ++i) out += (i == 0 ? "" : ",") + values[i];
  }
  return out;
}

}  // namespace

std::optional<std::string> shared_key_string_to_sign(const SharedKeyRequest& request,
                                                     HeaderOrder order) {
  const auto resource = canonical_resource(request);
  if (!resource) return std::nullopt;
  const auto headers = by_name(request.headers);
  const bool own_date = headers.contains("x-ms-date");

  std::string text(request.method);
  for (const std::string_view name : kSignedValues) {
    text += '\n';
    const auto it = headers.find(std::string(name));
    if (it == headers.end()) continue;
    if (name == "content-length" && it->second == "0") continue;
    if (name == "date" && own_date) continue;
    text += it->second;
  }
  text += '\n';
  return text + canonical_headers(headers, order) + *resource;
}

std::string shared_key_signature(std::string_view string_to_sign, Bytes key) {
  return to_base64(hmac_sha256(key, bytes_of(string_to_sign)));
}

std::optional<std::string> make_shared_key_authorization(const SharedKeyRequest& request,
                                                         Bytes key) {
  const auto text = shared_key_string_to_sign(request);
  if (!text) return std::nullopt;
  return std::string(kScheme) + std::string(request.account) + ":" +
         shared_key_signature(*text, key);
}

std::optional<SharedKeyAuthorization> parse_shared_key_authorization(std::string_view value) {
  if (!value.starts_with(kScheme)) return std::nullopt;
  value.remove_prefix(kScheme.size());
  const std::size_t colon = value.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == value.size()) {
    return std::nullopt;
  }
  return SharedKeyAuthorization{std::string(value.substr(0, colon)),
                                std::string(value.substr(colon + 1))};
}

bool shared_key_signed_by(const SharedKeyRequest& request, std::string_view signature, Bytes key) {
  const auto by_bytes = shared_key_string_to_sign(request);
  if (!by_bytes) return false;
  const auto signs = [&](const std::string& text) {
    const std::string expected = shared_key_signature(text, key);
    return equal_in_constant_time(bytes_of(expected), bytes_of(signature));
  };
  if (signs(*by_bytes)) return true;
  const auto by_words = shared_key_string_to_sign(request, HeaderOrder::Words);
  return by_words && *by_words != *by_bytes && signs(*by_words);
}

}  // namespace ota::contract
