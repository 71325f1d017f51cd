#pragma once

// HTTP requests and answers as plain texts, so that handlers know neither sockets nor a web
// library.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.hpp"

namespace ota::hub {

/// Header fields in the order of arrival; names compare without case.
class HttpHeaders {
 public:
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  std::optional<std::string_view> find(std::string_view name) const {
    for (const auto& [field, value] : fields_) {
      if (equal_ignoring_case(field, name)) return value;
    }
    return std::nullopt;
  }
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpRequest {
  std::string method;  // upper case
  std::string path;    // as sent, percent-encoded, without query
  std::string query;   // as sent, without '?'
  HttpHeaders headers;
  std::string body;
  std::string peer_address;
};

class LaterAnswer;

/// A body that grows while it is read: lines, for as long as the client listens. Dropped when the
/// client has gone or the hub stops.
class LiveBody {
 public:
  virtual ~LiveBody() = default;
  /// What there is by now, about `bytes_max` at most; empty if there is nothing new.
  virtual std::string read(std::size_t bytes_max) = 0;
  /// `wake` is called when there is something to read again.
  virtual void on_more(std::function<void()> wake) = 0;
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;
  std::string body;
  std::shared_ptr<LaterAnswer> later = {};  // the answer is still to come; nothing above counts
  std::shared_ptr<LiveBody> live = {};      // instead of body
};

/// An answer that is not known yet. Who owes it keeps a weak pointer and gives it once; who waits
/// for it holds it, and drops it when the client has gone: an expired pointer says that nobody
/// waits any more.
class LaterAnswer {
 public:
  void give(HttpResponse response) {
    if (response_) return;
    response_ = std::make_unique<HttpResponse>(std::move(response));
    if (wake_) wake_();
  }
  /// Nothing until it was given.
  std::unique_ptr<HttpResponse> take() { return std::move(response_); }
  void on_given(std::function<void()> wake) { wake_ = std::move(wake); }

 private:
  std::unique_ptr<HttpResponse> response_;
  std::function<void()> wake_;
};

}  // namespace ota::hub
