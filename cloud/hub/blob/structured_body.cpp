#include "cloud/hub/blob/structured_body.hpp"

#include <algorithm>
#include <utility>

namespace ota::hub {
namespace {

constexpr std::byte kVersion{1};
constexpr std::uint16_t kPropertyCrc64 = 1;
constexpr std::size_t kMessageHeaderBytes = 13;
constexpr std::size_t kSegmentHeaderBytes = 10;
constexpr std::size_t kCrc64Bytes = 8;
constexpr std::uint64_t kSegmentBytes = 4ULL * 1024 * 1024;  // that this hub sends
constexpr std::uint64_t kSegmentsMax = 65'535;

BlobError malformed(const std::string& what) {
  return {400, "InvalidInput", "The structured body is malformed: " + what + "."};
}

void add_16(std::string& out, std::uint64_t number) {
  std::array<std::byte, 2> bytes{};
  store_le16(bytes.data(), static_cast<std::uint16_t>(number));
  out += text_of(bytes);
}

void add_64(std::string& out, std::uint64_t number) {
  std::array<std::byte, 8> bytes{};
  store_le64(bytes.data(), number);
  out += text_of(bytes);
}

}  // namespace

// ---- Reading ----
std::size_t StructuredReader::fields_bytes() const {
  if (part_ == Part::MessageHeader) return kMessageHeaderBytes;
  return part_ == Part::SegmentHeader ? kSegmentHeaderBytes : kCrc64Bytes;
}

BlobResult<Ok> StructuredReader::begin_message() {
  message_bytes_ = load_le64(&fields_[1]);
  segments_ = load_le16(&fields_[11]);
  if (fields_[0] != kVersion) return malformed("its version is not 1");
  if (load_le16(&fields_[9]) != kPropertyCrc64)
    return malformed("its properties are not those announced");
  if (segments_ == 0) return malformed("it has no segment");
  part_ = Part::SegmentHeader;
  return Ok{};
}

BlobResult<Ok> StructuredReader::begin_segment() {
  if (load_le16(fields_.data()) != ++segment_) return malformed("its segments are out of order");
  segment_left_ = load_le64(&fields_[2]);
  if (segment_left_ > content_left_) return malformed("its content is longer than announced");
  content_left_ -= segment_left_;
  segment_crc64_ = {};
  part_ = segment_left_ == 0 ? Part::SegmentFooter : Part::SegmentContent;
  return Ok{};
}

BlobResult<Ok> StructuredReader::end_segment() {
  if (load_le64(fields_.data()) != segment_crc64_.value()) return blob_error::crc64_mismatch();
  part_ = segment_ == segments_ ? Part::MessageFooter : Part::SegmentHeader;
  return Ok{};
}

BlobResult<Ok> StructuredReader::end_message() {
  if (load_le64(fields_.data()) != message_crc64_.value()) return blob_error::crc64_mismatch();
  if (content_left_ != 0) return malformed("its content is shorter than announced");
  if (message_bytes_ != taken_bytes_) return malformed("it does not have the size that it says");
  part_ = Part::End;
  return Ok{};
}

BlobResult<Ok> StructuredReader::end_of_fields() {
  fields_have_ = 0;
  if (part_ == Part::MessageHeader) return begin_message();
  if (part_ == Part::SegmentHeader) return begin_segment();
  return part_ == Part::SegmentFooter ? end_segment() : end_message();
}

BlobResult<Ok> StructuredReader::take(Bytes piece, const Content& content) {
  while (!piece.empty()) {
    if (part_ == Part::End) return malformed("something follows its end");
    const bool in_content = part_ == Part::SegmentContent;
    const std::uint64_t wanted = in_content ? segment_left_ : fields_bytes() - fields_have_;
    const Bytes part =
        piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(wanted, piece.size())));
    piece = piece.subspan(part.size());
    taken_bytes_ += part.size();
    if (in_content) {
      segment_crc64_.update(part);
      message_crc64_.update(part);
      OTA_TRY(content(part));
      segment_left_ -= part.size();
      if (segment_left_ == 0) part_ = Part::SegmentFooter;
    } else {
      std::copy(part.begin(), part.end(),
                fields_.begin() + static_cast<std::ptrdiff_t>(fields_have_));
      fields_have_ += part.size();
      if (fields_have_ == fields_bytes()) OTA_TRY(end_of_fields());
    }
  }
  return Ok{};
}

BlobResult<Ok> StructuredReader::finish() const {
  if (part_ != Part::End) return malformed("it breaks off");
  return Ok{};
}

// ---- Writing ----
StructuredSource::StructuredSource(std::unique_ptr<BodySource> content)
    : content_(std::move(content)), content_left_(content_->size()) {
  segment_bytes_ = std::max(kSegmentBytes, content_left_ / kSegmentsMax + 1);
  segments_ = std::max<std::uint64_t>(1, (content_left_ + segment_bytes_ - 1) / segment_bytes_);
  size_bytes_ = kMessageHeaderBytes + segments_ * (kSegmentHeaderBytes + kCrc64Bytes) +
                content_left_ + kCrc64Bytes;
  fields_ += static_cast<char>(kVersion);
  add_64(fields_, size_bytes_);
  add_16(fields_, kPropertyCrc64);
  add_16(fields_, segments_);
  begin_segment();
}

void StructuredSource::begin_segment() {
  segment_left_ = std::min(segment_bytes_, content_left_);
  segment_crc64_ = {};
  add_16(fields_, ++segment_);
  add_64(fields_, segment_left_);
  if (segment_left_ == 0) end_segment();
}

void StructuredSource::end_segment() {
  add_64(fields_, segment_crc64_.value());
  if (content_left_ > 0) {
    begin_segment();
  } else {
    add_64(fields_, message_crc64_.value());
  }
}

Result<std::size_t, std::string> StructuredSource::read(MutableBytes into) {
  if (!fields_.empty()) {
    const std::size_t size = std::min(into.size(), fields_.size());
    std::copy_n(bytes_of(fields_).begin(), size, into.begin());
    fields_.erase(0, size);
    return size;
  }
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), segment_left_));
  OTA_TRY(const std::size_t size, content_->read(into.first(wanted)));
  const Bytes part = into.first(size);
  segment_crc64_.update(part);
  message_crc64_.update(part);
  segment_left_ -= size;
  content_left_ -= size;
  if (size > 0 && segment_left_ == 0) end_segment();
  return size;
}

}  // namespace ota::hub
