#pragma once

#include "device/core/fetch/transport.hpp"
#include "device/host/agent/event_log.hpp"
#include "device/host/agent/fetch_meter.hpp"

namespace ota::agent {

/// Passes everything through, counts the bytes and writes events on the way.
class MeteredTransport final : public fetch::Transport {
 public:
  /// @param event_bytes  a progress event each so many bytes; 0: each 5 % of the image
  MeteredTransport(fetch::Transport& inner, FetchMeter& meter, EventLog& events,
                   std::uint64_t event_bytes) noexcept
      : inner_(inner), meter_(meter), events_(events), event_bytes_(event_bytes) {}

  fetch::TransferEnd get(const fetch::Request& request, fetch::Receiver& receiver,
                         const Cancel& cancel) noexcept override;

 private:
  fetch::Transport& inner_;
  FetchMeter& meter_;
  EventLog& events_;
  std::uint64_t event_bytes_;
};

}  // namespace ota::agent
