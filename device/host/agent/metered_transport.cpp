#include "device/host/agent/metered_transport.hpp"

#include <algorithm>

namespace ota::agent {
namespace {

constexpr std::uint64_t kEventsPerImage = 20;

/// Stands between the transport and the download rules for one answer.
class Tap final : public fetch::Receiver {
 public:
  Tap(fetch::Receiver& receiver, FetchMeter& meter, EventLog& events, std::uint64_t event_bytes)
      : receiver_(receiver), meter_(meter), events_(events), step_(event_bytes) {}

  fetch::Verdict on_head(const fetch::ResponseHead& head) noexcept override {
    if (head.content_range) {
      at_ = head.content_range->first;
      size_ = head.content_range->total;
    } else {
      size_ = head.content_length.value_or(0);
    }
    if (step_ == 0) step_ = std::max<std::uint64_t>(1, size_ / kEventsPerImage);
    next_event_ = (at_ / step_ + 1) * step_;
    return receiver_.on_head(head);
  }

  fetch::Verdict on_body(Bytes bytes) noexcept override {
    meter_.add(bytes.size());
    at_ += bytes.size();
    const fetch::Verdict verdict = receiver_.on_body(bytes);
    if (at_ >= next_event_ || at_ == size_) {
      next_event_ = (at_ / step_ + 1) * step_;
      events_.write("progress", {{"bytes", at_},
                                 {"size", size_},
                                 {"percent", size_ == 0 ? 0 : at_ * 100 / size_},
                                 {"fetched", meter_.bytes()}});
    }
    return verdict;
  }

 private:
  fetch::Receiver& receiver_;
  FetchMeter& meter_;
  EventLog& events_;
  std::uint64_t step_;
  std::uint64_t at_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t next_event_ = 0;
};

}  // namespace

fetch::TransferEnd MeteredTransport::get(const fetch::Request& request, fetch::Receiver& receiver,
                                         const Cancel& cancel) noexcept {
  events_.write("request", {{"firstByte", std::uint64_t{request.first_byte}}});
  Tap tap(receiver, meter_, events_, event_bytes_);
  return inner_.get(request, tap, cancel);
}

}  // namespace ota::agent
