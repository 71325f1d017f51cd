#include "device/core/store/image_attribute.hpp"

#include <algorithm>

#include "base/crc32.hpp"

namespace ota::store {
namespace {

constexpr std::byte kFormat{1};

// Byte offsets of format 1, as in docs/formats/flash.md.
namespace at {
constexpr std::size_t kFormat = 0;
constexpr std::size_t kMcuVersionLength = 1;
constexpr std::size_t kEtagLength = 2;
constexpr std::size_t kVersion = 4;
constexpr std::size_t kSize = 8;
constexpr std::size_t kSha256 = 12;
constexpr std::size_t kMcuVersion = 44;
constexpr std::size_t kEtag = 92;
constexpr std::size_t kCrc = 156;
}  // namespace at
static_assert(at::kMcuVersion + contract::kMcuVersionBytesMax == at::kEtag);
static_assert(at::kEtag + 64 == at::kCrc && at::kCrc + 4 == kAttributeBytes);

template <std::size_t Capacity>
void put_text(std::byte* out, const FixedText<Capacity>& text) noexcept {
  const Bytes bytes = bytes_of(text.view());
  std::copy(bytes.begin(), bytes.end(), out);
}

template <std::size_t Capacity>
bool get_text(const std::byte* in, std::byte length, FixedText<Capacity>& text) noexcept {
  const auto size = std::to_integer<std::size_t>(length);
  return size <= Capacity && text.assign(text_of({in, size}));
}

}  // namespace

ImageAttribute encode_attribute(const ImageIdentity& identity) noexcept {
  ImageAttribute out{};
  out[at::kFormat] = kFormat;
  out[at::kMcuVersionLength] = static_cast<std::byte>(identity.mcu_version.size());
  out[at::kEtagLength] = static_cast<std::byte>(identity.etag.size());
  store_le32(&out[at::kVersion], identity.version);
  store_le32(&out[at::kSize], identity.size_bytes);
  std::copy(identity.sha256.begin(), identity.sha256.end(), &out[at::kSha256]);
  put_text(&out[at::kMcuVersion], identity.mcu_version);
  put_text(&out[at::kEtag], identity.etag);
  store_le32(&out[at::kCrc], crc32(Bytes(out).first(at::kCrc)));
  return out;
}

Result<ImageIdentity> decode_attribute(Bytes attribute) noexcept {
  if (attribute.size() != kAttributeBytes || attribute[at::kFormat] != kFormat) {
    return Errc::Corrupt;
  }
  const std::byte* const in = attribute.data();
  if (load_le32(in + at::kCrc) != crc32(attribute.first(at::kCrc))) return Errc::Corrupt;
  ImageIdentity identity;
  identity.version = load_le32(in + at::kVersion);
  identity.size_bytes = load_le32(in + at::kSize);
  std::copy_n(in + at::kSha256, identity.sha256.size(), identity.sha256.begin());
  if (!get_text(in + at::kMcuVersion, in[at::kMcuVersionLength], identity.mcu_version) ||
      !get_text(in + at::kEtag, in[at::kEtagLength], identity.etag)) {
    return Errc::Corrupt;
  }
  return identity;
}

}  // namespace ota::store
