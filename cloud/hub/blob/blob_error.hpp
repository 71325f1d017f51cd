#pragma once

// Why a blob request is refused, in the service's own codes. Source: "Blob service error codes".

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "cloud/hub/files/durable_file.hpp"
#include "cloud/hub/http/exchange.hpp"

namespace ota::hub {

struct BlobError {
  int status = 500;
  std::string code;
  std::string message;             // for people
  std::string content_range = {};  // 416: how long the blob is
};

template <class T>
using BlobResult = Result<T, BlobError>;

namespace blob_error {

BlobError container_not_found();
BlobError container_name_length();
BlobError blob_not_found();
BlobError condition_not_met();
BlobError invalid_header(std::string_view name);
BlobError invalid_query(std::string_view name);
BlobError authentication_failed(std::string_view detail);
BlobError md5_mismatch();
BlobError crc64_mismatch();
/// Logs the reason, which may hold paths; the client hears only what kind of failure it is.
BlobError internal(std::string_view reason);
BlobError invalid_block_list();
BlobError server_busy();
BlobError no_space(std::string_view reason);
BlobError of(const FileError& error);

}  // namespace blob_error

std::string xml_escape(std::string_view text);

/// The answer: XML with the code, also in x-ms-error-code; for 304, and where `head_alone` (the
/// answer to HEAD), only the latter.
Reply to_reply(const BlobError& error, const std::string& request_id, std::int64_t now,
               bool head_alone);

}  // namespace ota::hub
