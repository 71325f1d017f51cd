#pragma once

// Structured messages: content in segments, each with its CRC64, so that damage on the way shows.
// A message: version 1, its own size, properties, count of segments; for each segment its number
// from 1, its size, content and CRC64; at the end the CRC64 of all content. Numbers are
// little-endian. Source: x-ms-structured-body of the Blob Storage REST API, and its SDKs.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "cloud/hub/blob/blob_error.hpp"
#include "cloud/hub/blob/crc64.hpp"
#include "cloud/hub/http/exchange.hpp"

namespace ota::hub {

inline constexpr const char* kStructuredBody = "x-ms-structured-body";
inline constexpr const char* kStructuredLength = "x-ms-structured-content-length";
inline constexpr std::string_view kStructuredForm = "XSM/1.0; properties=crc64";

/// Takes a message in pieces and gives its content on.
class StructuredReader {
 public:
  using Content = std::function<BlobResult<Ok>(Bytes)>;

  /// `content_bytes`: what was announced.
  explicit StructuredReader(std::uint64_t content_bytes) : content_left_(content_bytes) {}

  /// After an error nothing more may come.
  BlobResult<Ok> take(Bytes piece, const Content& content);
  /// Whether the message is complete.
  BlobResult<Ok> finish() const;

 private:
  enum class Part : std::uint8_t {
    MessageHeader,
    SegmentHeader,
    SegmentContent,
    SegmentFooter,
    MessageFooter,
    End,
  };
  static constexpr std::size_t kFieldsBytesMax = 13;

  std::size_t fields_bytes() const;
  BlobResult<Ok> end_of_fields();
  BlobResult<Ok> begin_message();
  BlobResult<Ok> begin_segment();
  BlobResult<Ok> end_segment();
  BlobResult<Ok> end_message();

  Part part_ = Part::MessageHeader;
  std::array<std::byte, kFieldsBytesMax> fields_{};
  std::size_t fields_have_ = 0;
  std::uint64_t taken_bytes_ = 0;
  std::uint64_t message_bytes_ = 0;
  std::uint64_t segments_ = 0;
  std::uint64_t segment_ = 0;
  std::uint64_t segment_left_ = 0;
  std::uint64_t content_left_;
  Crc64 segment_crc64_;
  Crc64 message_crc64_;
};

/// Makes a message of content that comes from somewhere else.
class StructuredSource final : public BodySource {
 public:
  explicit StructuredSource(std::unique_ptr<BodySource> content);

  std::uint64_t size() const override { return size_bytes_; }
  Result<std::size_t, std::string> read(MutableBytes into) override;

 private:
  void begin_segment();
  void end_segment();

  std::unique_ptr<BodySource> content_;
  std::uint64_t segment_bytes_;
  std::uint64_t segments_;
  std::uint64_t size_bytes_;
  std::uint64_t content_left_;
  std::uint64_t segment_ = 0;
  std::uint64_t segment_left_ = 0;
  std::string fields_;  // what stands before the next content
  Crc64 segment_crc64_;
  Crc64 message_crc64_;
};

}  // namespace ota::hub
