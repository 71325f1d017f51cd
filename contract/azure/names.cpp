#include "contract/azure/names.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "contract/azure/percent.hpp"
#include "contract/limits.hpp"

namespace ota::contract {
namespace {

constexpr std::size_t kShaPrefixDigits = 16;
constexpr std::size_t kSlugBytesMax = 40;

/// Lower-case letters, digits and dashes only: legal in ids and readable.
std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kSlugBytesMax)) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    out += plain ? lower : '-';
  }
  return out;
}

std::string scope_hash(std::string_view product, std::string_view group) {
  std::string text(product);
  text += '\0';
  text += group;
  return to_hex(sha256(bytes_of(text))).substr(0, 8);
}

std::string id_prefix(std::string_view product, std::string_view group) {
  return "ota-" + slug(product) + "-" + slug(group) + "-v";
}

/// Whether every sequence is well formed (RFC 3629, without the check for over-long forms): JSON
/// carries nothing else.
bool is_utf8(std::string_view text) {
  std::size_t expected = 0;  // continuation bytes still to come
  for (const unsigned char c : text) {
    if ((c & 0xC0U) == 0x80U) {
      if (expected == 0) return false;
      --expected;
      continue;
    }
    if (expected != 0) return false;
    if (c >= 0xF8 || c == 0xC0 || c == 0xC1) return false;
    expected = c < 0x80 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
  }
  return expected == 0;
}

Result<Ok, std::string> check_name(std::string_view text, const std::string& what) {
  if (text.empty()) return what + " is empty; give the value of the devices' tag";
  if (text.size() > kProductBytesMax) return what + " is longer than 64 bytes; use a shorter name";
  if (std::any_of(text.begin(), text.end(),
                  [](unsigned char c) { return c < 0x20 || c == 0x7F; })) {
    return what + " contains a control character; use printable text";
  }
  if (!is_utf8(text)) return what + " is not UTF-8 text; type it again in a UTF-8 terminal";
  return Ok{};
}

}  // namespace

std::string blob_name(std::string_view product, std::uint32_t version, const Digest& sha256,
                      std::string_view base_name) {
  return std::string(product) + "/" + std::to_string(version) + "/" +
         to_hex(sha256).substr(0, kShaPrefixDigits) + "-" + std::string(base_name);
}

std::optional<BlobUrlParts> parse_blob_url(std::string_view url) {
  const std::size_t file_at = url.rfind('/');
  if (file_at == std::string_view::npos || file_at == 0) return std::nullopt;
  const std::size_t version_at = url.rfind('/', file_at - 1);
  if (version_at == std::string_view::npos) return std::nullopt;
  const std::string_view file = url.substr(file_at + 1);
  const std::string_view version = url.substr(version_at + 1, file_at - version_at - 1);
  if (file.size() <= kShaPrefixDigits || file[kShaPrefixDigits] != '-') return std::nullopt;

  BlobUrlParts parts;
  const auto number = read_number<decltype(parts.version)>(version);
  if (!number) return std::nullopt;
  parts.version = *number;
  std::array<std::byte, kShaPrefixDigits / 2> prefix{};
  if (!hex_decode(file.substr(0, kShaPrefixDigits), prefix)) return std::nullopt;
  parts.sha256_prefix = to_hex(prefix);
  return parts;
}

std::string configuration_id(std::string_view product, std::string_view group,
                             std::uint32_t version, std::uint32_t revision) {
  return id_prefix(product, group) + std::to_string(version) + "-r" + std::to_string(revision) +
         "-" + scope_hash(product, group);
}

bool configuration_belongs_to(std::string_view id, std::string_view product,
                              std::string_view group) {
  return id.starts_with(id_prefix(product, group)) &&
         id.ends_with("-" + scope_hash(product, group));
}

std::string query_literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string target_condition(std::string_view product, std::string_view group) {
  return "tags.productType=" + query_literal(product) +
         " AND tags.deviceGroup=" + query_literal(group);
}

Result<Ok, std::string> check_product(std::string_view product) {
  OTA_TRY(check_name(product, "PRODUCT"));
  // A blob's name is a path: an empty, "." or ".." segment would be another blob.
  if (product.find('/') != std::string_view::npos || product == "." || product == "..") {
    return std::string(
        "PRODUCT must not contain '/' nor be '.' or '..', because it is a folder in the blob's "
        "name");
  }
  return Ok{};
}

Result<Ok, std::string> check_group(std::string_view group) { return check_name(group, "GROUP"); }

}  // namespace ota::contract
