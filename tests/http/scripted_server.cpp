#include "tests/http/scripted_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <sstream>

#include "base/assert.hpp"

namespace ota::test {
namespace {

bool read_more(int connection, std::string& buffer) {
  char chunk[65536];
  const ssize_t count = ::recv(connection, chunk, sizeof chunk, 0);
  if (count <= 0) return false;
  buffer.append(chunk, static_cast<std::size_t>(count));
  return true;
}

Request parse_head(const std::string& head) {
  std::istringstream lines(head);
  Request request;
  std::string target;
  std::string line;
  lines >> request.method >> target;
  std::getline(lines, line);
  while (std::getline(lines, line) && line.size() > 1) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::size_t value = line.find_first_not_of(' ', colon + 1);
    const std::size_t end = line.find_last_not_of("\r ");
    request.headers.emplace_back(
        line.substr(0, colon), value <= end ? line.substr(value, end - value + 1) : std::string());
  }
  const std::size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string::npos) request.query = target.substr(question + 1);
  return request;
}

std::string to_text(const Response& response, bool head_only) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " Scripted\r\n";
  bool sized = false;
  for (const auto& [name, value] : response.headers) {
    text += name + ": " + value + "\r\n";
    sized = sized || name == "Content-Length";
  }
  if (!sized && response.status != 204) {
    text += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  }
  text += "\r\n";
  return head_only ? text : text + response.body;
}

}  // namespace

std::string Request::header(const std::string& name) const {
  for (const auto& [field, value] : headers) {
    if (::strcasecmp(field.c_str(), name.c_str()) == 0) return value;
  }
  return {};
}

ScriptedServer::ScriptedServer(std::function<Response(const Request&)> answer)
    : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  OTA_ASSERT(::bind(listener_, generic, size) == 0);
  OTA_ASSERT(::listen(listener_, 64) == 0);
  OTA_ASSERT(::getsockname(listener_, generic, &size) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

ScriptedServer::~ScriptedServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    for (const int connection : connections_) ::shutdown(connection, SHUT_RDWR);
  }
  acceptor_.join();
  for (std::thread& worker : workers_) worker.join();
  for (const int connection : connections_) ::close(connection);
  ::close(listener_);
}

std::vector<Request> ScriptedServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void ScriptedServer::accept_loop() {
  while (true) {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    const std::lock_guard lock(mutex_);
    connections_.push_back(connection);
    if (stopping_) return;
    workers_.emplace_back([this, connection] { serve(connection); });
  }
}

void ScriptedServer::serve(int connection) {
  std::string buffer;
  while (answer_one(connection, buffer)) {
  }
  ::shutdown(connection, SHUT_RDWR);
}

bool ScriptedServer::answer_one(int connection, std::string& buffer) {
  std::size_t end = buffer.find("\r\n\r\n");
  for (; end == std::string::npos; end = buffer.find("\r\n\r\n")) {
    if (!read_more(connection, buffer)) return false;
  }
  Request request = parse_head(buffer.substr(0, end + 2));
  buffer.erase(0, end + 4);
  const std::string length = request.header("Content-Length");
  const std::size_t size = length.empty() ? 0 : std::strtoull(length.c_str(), nullptr, 10);
  while (buffer.size() < size) {
    if (!read_more(connection, buffer)) return false;
  }
  request.body = buffer.substr(0, size);
  buffer.erase(0, size);

  Response response;
  {
    const std::lock_guard lock(mutex_);
    response = answer_(request);
    requests_.push_back(request);
  }
  if (response.drop) return false;
  const std::string text = to_text(response, request.method == "HEAD");
  return ::send(connection, text.data(), text.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(text.size());
}

}  // namespace ota::test
