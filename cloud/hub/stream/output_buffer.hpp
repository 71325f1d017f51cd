#pragma once

// Bytes that wait for the socket. Gives its memory back when empty: ten thousand idle connections
// hold none.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace ota::hub {

class OutputBuffer {
 public:
  void append(std::string_view text) { bytes_.append(text); }
  Bytes pending() const { return bytes_of(std::string_view(bytes_).substr(sent_)); }
  std::size_t size() const { return bytes_.size() - sent_; }
  bool empty() const { return size() == 0; }

  void consume(std::size_t size_bytes) {
    sent_ += size_bytes;
    if (sent_ >= bytes_.size()) {
      clear();
    } else if (sent_ >= kCompactBytes) {
      bytes_.erase(0, sent_);
      sent_ = 0;
    }
  }

  void clear() {
    std::string().swap(bytes_);
    sent_ = 0;
  }

 private:
  static constexpr std::size_t kCompactBytes = 64 * 1024;

  std::string bytes_;
  std::size_t sent_ = 0;
};

}  // namespace ota::hub
