#pragma once

// A transport without a network: objects on a server, a script of what happens to each request, and
// an account of every byte.
//
// Fault model: the connection can end, stall or crawl at any byte; the server can answer any
// status, ignore the range, lie about the range or the length, change the object between requests
// or under the same ETag, and ask to come back later; TLS can fail. What it cannot do: change a
// byte on the way (TLS would notice). Without a script left the server is a good one: 206 with
// If-Match and ETag, as Azure Blob Storage. Time passes on the given clock.

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device/core/fetch/transport.hpp"
#include "sim/link/exchange.hpp"
#include "sim/link/virtual_clock.hpp"

namespace ota::sim {

class ScriptedTransport final : public fetch::Transport {
 public:
  explicit ScriptedTransport(VirtualClock& clock) noexcept : clock_(clock) {}

  /// Puts an object at its address, in place of the one there. Other bytes under the same ETag are
  /// possible, as on a real server.
  void serve(RemoteObject object);
  void then(Exchange exchange) { script_.push_back(exchange); }

  /// The link and the server are good from now on; an expired token stays expired.
  void forget_script() {
    script_.clear();
    lasting_.reset();
  }

  /// Called with the body bytes handed over so far, after each piece: to raise a Cancel, say.
  void on_piece(std::function<void(std::uint64_t)> listener) { on_piece_ = std::move(listener); }

  /// The token the server wants; anything else is answered with 403.
  void demand_sas(std::string sas) { sas_ = std::move(sas); }

  fetch::TransferEnd get(const fetch::Request& request, fetch::Receiver& receiver,
                         const Cancel& cancel) noexcept override;

  struct Seen {
    std::uint32_t first_byte = 0;
    std::string if_match = {};
    std::string url = {};
    Instant at = {};
    int status = 0;                // 0: no head arrived
    std::uint64_t body_bytes = 0;  // handed over, of whatever body
    std::uint64_t handed_end = 0;  // offset in the object after the last byte handed over; 0: none
    /// Of the object: handed over in an earlier request already, and no exchange voided them.
    std::uint64_t again_bytes = 0;
    fetch::TransferEnd end = fetch::TransferEnd::Complete;
  };
  const std::vector<Seen>& requests() const noexcept { return requests_; }

  /// All body bytes that went out, also those that the receiver did not keep.
  std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }

  /// The sum of Seen::again_bytes: what a good device fetches twice only after a loss of power.
  std::uint64_t bytes_again() const noexcept { return bytes_again_; }

 private:
  using Content = std::shared_ptr<const std::vector<std::byte>>;
  struct Blob {
    std::string url;
    std::string etag;
    Content content;
    std::uint64_t handed_end = 0;  // of the bytes that a device can still have
    bool restart_allowed = false;  // the next request from byte 0 rightly fetches all again
  };
  struct Answer {
    fetch::ResponseHead head;
    Content content;  // kept while it is sent, also when serve() puts another in its place
    Bytes body;
    std::uint64_t first_byte = 0;  // of the body in the object
    bool of_object = false;        // otherwise a page
  };

  Exchange next_exchange();
  Blob* find(std::string_view url);
  void change_server(const fetch::Request& request, const Exchange& exchange, Blob* blob);
  int honest_status(const fetch::Request& request, const Exchange& exchange,
                    const Blob* blob) const;
  Answer answer_to(const fetch::Request& request, const Exchange& exchange, const Blob* blob) const;
  fetch::TransferEnd transfer(const fetch::Request& request, const Exchange& exchange,
                              fetch::Receiver& receiver, const Cancel& cancel);
  fetch::TransferEnd send_body(const Answer& answer, const Exchange& exchange, Blob* blob,
                               fetch::Receiver& receiver, const Cancel& cancel);
  Bytes piece_of(const Answer& answer, const Exchange& exchange, std::uint64_t at,
                 std::uint64_t count);
  void account(const Answer& answer, std::uint64_t at, std::uint64_t count, Blob* blob);
  bool pass(Duration time, const Cancel& cancel);

  /// As curl hands a body over: in pieces of at most one receive buffer.
  static constexpr std::size_t kPieceBytes = 16 * 1024;

  VirtualClock& clock_;
  std::deque<Blob> blobs_;
  std::deque<Exchange> script_;
  std::optional<Exchange> lasting_;
  Instant lasts_until_{};
  std::optional<std::string> sas_;
  std::optional<std::string> expired_sas_;
  std::uint32_t replacements_ = 0;
  std::function<void(std::uint64_t)> on_piece_;
  std::vector<Seen> requests_;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_again_ = 0;
  std::array<std::byte, kPieceBytes> scratch_{};  // bytes that no object holds
};

}  // namespace ota::sim
