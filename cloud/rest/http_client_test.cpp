#include "cloud/rest/http_client.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/http/scripted_server.hpp"

namespace ota::rest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string temporary_file(const std::string& content) {
  std::string name = (std::filesystem::temp_directory_path() / "http_client_test.XXXXXX").string();
  const int file = ::mkstemp(name.data());
  EXPECT_GE(file, 0);
  ::close(file);
  std::ofstream(name, std::ios::binary) << content;
  return name;
}

TEST(HttpClient, SendsMethodHeadersAndBodyAndReadsTheAnswer) {
  test::ScriptedServer server([](const test::Request&) {
    return test::Response{.status = 201, .headers = {{"ETag", " \"1\" "}}, .body = "made"};
  });
  HttpClient client({});
  HttpRequest request{.method = "PUT", .url = server.url() + "/a/../b%2F?x=1"};
  request.headers = {{"X-Empty", ""}, {"X-Name", "value"}};
  request.body = "hello";
  const auto reply = client.send(request);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 201);
  EXPECT_EQ(reply->body, "made");
  EXPECT_EQ(reply->header("etag"), "\"1\"");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "PUT");
  EXPECT_EQ(requests[0].path, "/a/../b%2F");
  EXPECT_EQ(requests[0].query, "x=1");
  EXPECT_EQ(requests[0].header("X-Name"), "value");
  EXPECT_EQ(requests[0].header("Content-Type"), "");
  EXPECT_EQ(requests[0].body, "hello");
}

TEST(HttpClient, APutWithoutBodySaysLengthZero) {
  test::ScriptedServer server([](const test::Request&) { return test::Response{}; });
  HttpClient client({});
  ASSERT_TRUE(client.send({.method = "PUT", .url = server.url() + "/c"}));
  EXPECT_EQ(server.requests()[0].header("Content-Length"), "0");
}

TEST(HttpClient, SendsARangeOfAFileAndReportsProgress) {
  test::ScriptedServer server([](const test::Request&) { return test::Response{}; });
  const std::string path = temporary_file("0123456789");
  std::vector<std::uint64_t> sent;
  HttpClient client({});
  HttpRequest request{.method = "PUT", .url = server.url() + "/f"};
  request.upload = FileRange{.path = path, .offset = 3, .size_bytes = 4};
  request.on_sent = [&sent](std::uint64_t bytes) { sent.push_back(bytes); };
  ASSERT_TRUE(client.send(request));
  EXPECT_EQ(server.requests()[0].body, "3456");
  EXPECT_THAT(sent, ElementsAre(4));
  std::filesystem::remove(path);
}

TEST(HttpClient, AFileThatBecameShorterIsAnErrorThatNamesIt) {
  test::ScriptedServer server([](const test::Request&) { return test::Response{}; });
  const std::string path = temporary_file("0123");
  HttpClient client({});
  HttpRequest request{.method = "PUT", .url = server.url() + "/f"};
  request.upload = FileRange{.path = path, .offset = 0, .size_bytes = 100};
  const auto reply = client.send(request);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, "file_unreadable");
  EXPECT_THAT(reply.error().message, HasSubstr(path));
  std::filesystem::remove(path);
}

TEST(HttpClient, AHeadRequestReadsTheSizeWithoutABody) {
  test::ScriptedServer server([](const test::Request&) {
    return test::Response{.headers = {{"Content-Length", "77"}}};
  });
  HttpClient client({});
  const auto reply = client.send({.method = "HEAD", .url = server.url() + "/b"});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->header("Content-Length"), "77");
  EXPECT_EQ(reply->body, "");
}

TEST(HttpClient, DropsAnAnswerAboveTheLimit) {
  test::ScriptedServer server(
      [](const test::Request&) { return test::Response{.body = std::string(100, 'x')}; });
  HttpClient client({});
  HttpRequest request{.url = server.url() + "/"};
  request.reply_bytes_max = 99;
  const auto reply = client.send(request);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, "too_large");
}

TEST(HttpClient, DoesNotFollowRedirects) {
  test::ScriptedServer server([](const test::Request&) {
    return test::Response{.status = 302, .headers = {{"Location", "http://127.0.0.1:1/"}}};
  });
  HttpClient client({});
  const auto reply = client.send({.url = server.url() + "/"});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 302);
}

TEST(HttpClient, NothingListeningIsUnreachableAndSaysToStartTheHub) {
  std::string url;
  {
    test::ScriptedServer server([](const test::Request&) { return test::Response{}; });
    url = server.url();
  }
  HttpClient client({});
  const auto reply = client.send({.url = url + "/?sig=secret"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ApiError::Kind::Network);
  EXPECT_EQ(reply.error().code, "unreachable");
  EXPECT_THAT(reply.error().message, HasSubstr("start `mcu-ota hub`"));
  EXPECT_THAT(reply.error().message, ::testing::Not(HasSubstr("secret")));
}

TEST(HttpClient, ACaFileThatIsNoneSaysSo) {
  const std::string path = temporary_file("no certificate");
  test::ScriptedServer server([](const test::Request&) { return test::Response{}; });
  HttpClient client({.ca_file = path});
  const auto reply = client.send({.url = "https://" + server.host() + "/"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, "tls_untrusted") << reply.error().message;
  std::filesystem::remove(path);
}

TEST(HttpClient, OriginHidesPathAndQuery) {
  EXPECT_EQ(origin_of("https://h:1/a?sig=x"), "https://h:1");
  EXPECT_EQ(origin_of("https://h?sig=x"), "https://h");
}

TEST(HttpClient, RequestIdsAreDifferentUuids) {
  EXPECT_THAT(new_request_id(),
              ::testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab].*"));
  EXPECT_NE(new_request_id(), new_request_id());
}

}  // namespace
}  // namespace ota::rest
