#pragma once

// A small HTTP server for tests of clients: plain HTTP/1.1 on a free port of 127.0.0.1. A function
// of the test answers each request; all requests are kept.

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace ota::test {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method = {};
  std::string path = {};   // as sent
  std::string query = {};  // as sent, without '?'
  Fields headers = {};
  std::string body = {};

  /// The value of a header in any case; empty if absent.
  std::string header(const std::string& name) const;
};

struct Response {
  int status = 200;
  Fields headers = {};
  std::string body = {};
  bool drop = false;  // close the connection without an answer
};

class ScriptedServer {
 public:
  /// @param answer  called by several threads, one at a time
  explicit ScriptedServer(std::function<Response(const Request&)> answer);
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer();

  std::string url() const { return "http://" + host(); }
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  std::vector<Request> requests() const;

 private:
  void accept_loop();
  void serve(int connection);
  bool answer_one(int connection, std::string& buffer);

  std::function<Response(const Request&)> answer_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;  // of what follows
  bool stopping_ = false;
  std::vector<Request> requests_;
  std::vector<int> connections_;
  std::vector<std::thread> workers_;
  std::thread acceptor_;
};

}  // namespace ota::test
