#include "cloud/hub/blob/blob_error.hpp"

#include <spdlog/spdlog.h>

#include "contract/azure/sas.hpp"

namespace ota::hub {
namespace blob_error {

BlobError container_not_found() {
  return {404, "ContainerNotFound", "The specified container does not exist."};
}
BlobError container_name_length() {
  return {400, "OutOfRangeInput", "A container's name has 3 to 63 characters."};
}
BlobError blob_not_found() { return {404, "BlobNotFound", "The specified blob does not exist."}; }
BlobError condition_not_met() {
  return {412, "ConditionNotMet",
          "The condition specified using HTTP conditional header(s) is not met."};
}
BlobError invalid_header(std::string_view name) {
  return {
      400, "InvalidHeaderValue",
      "The value of the header " + std::string(name) + " is missing or not in the correct format."};
}
BlobError invalid_query(std::string_view name) {
  return {400, "InvalidQueryParameterValue",
          "The query parameter " + std::string(name) + " has a value that this hub does not know."};
}
BlobError authentication_failed(std::string_view detail) {
  return {403, "AuthenticationFailed",
          "Server failed to authenticate the request: " + std::string(detail) + "."};
}

BlobError md5_mismatch() {
  return {400, "Md5Mismatch",
          "The MD5 value specified in the request did not match with the MD5 value calculated by "
          "the server."};
}

BlobError crc64_mismatch() {
  return {400, "Crc64Mismatch",
          "The CRC64 value specified in the request did not match with the CRC64 value calculated "
          "by the server."};
}

BlobError invalid_block_list() {
  return {400, "InvalidBlockList", "The specified block list is invalid."};
}

BlobError server_busy() {
  return {503, "ServerBusy", "Too many uploads wait for the disk; try again."};
}

BlobError internal(std::string_view reason) {
  spdlog::error("blob storage: {}", reason);
  return {500, "InternalError",
          "The server encountered an internal error; the hub's log has the reason."};
}

BlobError no_space(std::string_view reason) {
  spdlog::error("blob storage: no space: {}", reason);
  return {507, "InternalError", "The disk of the hub is full; make room in its state directory."};
}

BlobError of(const FileError& error) {
  return error.no_space() ? no_space(error.message) : internal(error.message);
}

}  // namespace blob_error

std::string xml_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

Reply to_reply(const BlobError& error, const std::string& request_id, std::int64_t now,
               bool head_alone) {
  Reply reply;
  reply.status = error.status;
  reply.headers.add("x-ms-error-code", error.code);
  if (!error.content_range.empty()) reply.headers.add("Content-Range", error.content_range);
  if (error.status == 304 || head_alone) return reply;
  reply.headers.add("Content-Type", "application/xml");
  reply.body = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>" + error.code +
               "</Code><Message>" + xml_escape(error.message) + "\nRequestId:" + request_id +
               "\nTime:" + contract::to_iso8601(now) + "</Message></Error>";
  return reply;
}

}  // namespace ota::hub
