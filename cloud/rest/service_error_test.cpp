#include "cloud/rest/service_error.hpp"

#include <gmock/gmock.h>

namespace ota::rest {
namespace {

using ::testing::HasSubstr;

ApiError read(int status, std::string body, contract::HeaderFields headers = {}) {
  return service_error({.status = status, .headers = std::move(headers), .body = std::move(body)},
                       "do it");
}

TEST(ServiceError, ReadsTheNamedFormOfIotHub) {
  const ApiError error = read(
      404,
      R"({"Message":"ErrorCode:DeviceNotFound;E2023: Device not found","ExceptionMessage":"x"})");
  EXPECT_EQ(error.kind, ApiError::Kind::NotFound);
  EXPECT_EQ(error.code, "DeviceNotFound");
  EXPECT_EQ(
      error.message,
      "cannot do it: the service answered (HTTP 404 DeviceNotFound): E2023: Device not found");
}

TEST(ServiceError, ReadsTheNumberedFormInsideOfMessage) {
  const ApiError error = read(
      409,
      R"({"Message":"{\"errorCode\":409001,\"message\":\"There is one\"}","ExceptionMessage":""})");
  EXPECT_EQ(error.kind, ApiError::Kind::Conflict);
  EXPECT_EQ(error.code, "409001");
  EXPECT_THAT(error.message, HasSubstr("There is one"));
}

TEST(ServiceError, ReadsTheFormOfDps) {
  const ApiError error = read(401, R"({"errorCode":401002,"message":"Unauthorized"})");
  EXPECT_EQ(error.kind, ApiError::Kind::Unauthorized);
  EXPECT_EQ(error.code, "401002");
  EXPECT_THAT(error.message, HasSubstr("check the key"));
}

TEST(ServiceError, ReadsTheXmlOfBlobAndItsRequestId) {
  const ApiError error =
      read(409,
           "<?xml version=\"1.0\"?><Error><Code>BlobAlreadyExists</Code><Message>The blob "
           "exists.\nRequestId:1\nTime:2</Message></Error>",
           {{"x-ms-request-id", "abc"}});
  EXPECT_EQ(error.code, "BlobAlreadyExists");
  EXPECT_EQ(error.request_id, "abc");
  EXPECT_THAT(error.message, HasSubstr("The blob exists"));
}

TEST(ServiceError, ThrottlingSaysWhenToTryAgain) {
  const ApiError error = read(429, "", {{"Retry-After", "30"}, {"iothub-errorcode", "Slow"}});
  EXPECT_EQ(error.kind, ApiError::Kind::Throttled);
  EXPECT_EQ(error.code, "Slow");
  EXPECT_EQ(error.retry_after_s, 30);
}

TEST(ServiceError, AFullDiskSaysWhatToDo) {
  EXPECT_THAT(read(507, "").message, HasSubstr("disk of the hub is full"));
}

TEST(ServiceError, UnreadableBodiesAreNotACrash) {
  for (const char* body : {"<Error><Code>x", "[1]", "\"text\"", R"({"Message":5})", "\xFF"}) {
    EXPECT_EQ(read(400, body).kind, ApiError::Kind::Protocol) << body;
  }
}

}  // namespace
}  // namespace ota::rest
