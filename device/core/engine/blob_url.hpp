#pragma once

#include <cstdint>
#include <string_view>

#include "base/sha256.hpp"

namespace ota::engine {

/// What a blob's name of our own form says of its content.
enum class UrlAgreement : std::uint8_t {
  NotOurForm,  // any other URL, as the public sample's: the keys alone count
  Agrees,
  Contradicts,  // the URL of one release with the keys of another: a merge of two configurations
};

/// Compares a URL of the form .../{product}/{version}/{first 16 hex digits of sha256}-{name} with
/// the keys of the offer that carries it.
UrlAgreement compare_blob_url(std::string_view url, std::uint32_t version,
                              const Digest& sha256) noexcept;

}  // namespace ota::engine
