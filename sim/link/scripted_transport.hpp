#pragma once

// A transport without a network: one object on a server, and a script of what happens to each
// request.
//
// Fault model: the connection can end at any byte of the body; the server can answer any status,
// ignore the range, lie about the range or the length, change the object between requests, and ask
// to come back later; TLS can fail. What it cannot do: change a byte on the way (TLS would notice).
// Without a script left the server is a good one: 206 with If-Match and ETag, as Azure Blob
// Storage. Time moves by `transfer_time` per piece and by the time-out of a stalled transfer.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "device/core/fetch/transport.hpp"
#include "sim/link/virtual_clock.hpp"

namespace ota::sim {

/// What happens to one request.
struct Exchange {
  std::optional<int> status = {};  // instead of the honest one; the body is then an error page
  std::optional<std::uint64_t> drop_after = {};  // the connection ends after so many body bytes
  fetch::TransferEnd end = fetch::TransferEnd::Unreachable;  // how it ends when it drops
  bool ignore_range = false;                                 // 200 and the whole object
  std::int64_t shift_range = 0;    // a Content-Range (and body) that starts elsewhere
  std::uint64_t excess_bytes = 0;  // more body than announced
  bool without_etag = false;
  std::optional<Duration> retry_after = {};
  Duration takes = {};  // before the head arrives
};

/// The object on the server.
struct RemoteObject {
  std::vector<std::byte> bytes = {};
  std::string etag = "\"0x8DC1\"";
};

class ScriptedTransport final : public fetch::Transport {
 public:
  explicit ScriptedTransport(VirtualClock& clock) noexcept : clock_(clock) {}

  void serve(RemoteObject object) { object_ = std::move(object); }
  void then(Exchange exchange) { script_.push_back(exchange); }
  void forget_script() { script_.clear(); }

  /// Called with the body bytes handed over so far, after each piece: to raise a Cancel, say.
  void on_piece(std::function<void(std::uint64_t)> listener) { on_piece_ = std::move(listener); }

  /// The token the server wants; anything else is answered with 403.
  void demand_sas(std::string sas) { sas_ = std::move(sas); }

  fetch::TransferEnd get(const fetch::Request& request, fetch::Receiver& receiver,
                         const Cancel& cancel) noexcept override;

  struct Seen {
    std::uint32_t first_byte = 0;
    std::string if_match;
  };
  const std::vector<Seen>& requests() const noexcept { return requests_; }

  /// All body bytes that went out, also those that the receiver did not keep.
  std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }

 private:
  struct Answer {
    fetch::ResponseHead head;
    std::vector<std::byte> body;
  };
  Answer answer_to(const fetch::Request& request, const Exchange& exchange) const;

  VirtualClock& clock_;
  RemoteObject object_{};
  std::deque<Exchange> script_;
  std::optional<std::string> sas_;
  std::function<void(std::uint64_t)> on_piece_;
  std::vector<Seen> requests_;
  std::uint64_t bytes_sent_ = 0;
};

}  // namespace ota::sim
