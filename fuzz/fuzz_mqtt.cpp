// A device's MQTT bytes, split at a place that the input chooses. Whatever arrives, the session
// stays alive or closes, keeps its queue below the limit, and answers the same however the bytes
// are cut. A packet that is understood can be written again with the same meaning.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "cloud/hub/mqtt/fake_core.hpp"
#include "cloud/hub/mqtt/packet.hpp"
#include "cloud/hub/mqtt/session.hpp"
#include "fuzz/require.hpp"

namespace {

using namespace ota;

std::string answers(std::string_view first, std::string_view second) {
  hub::FakeCore core;
  hub::mqtt::SessionMemory memory;
  const std::function<contract::UnixSeconds()> wall_clock = [] {
    return contract::UnixSeconds{1'800'000'000};
  };
  hub::mqtt::Session session(core, memory, wall_clock, {}, Instant{});
  std::string out;
  for (const std::string_view piece : {first, second}) {
    session.feed(bytes_of(piece), Instant{});
    const Bytes output = session.output();
    if (output.size() > hub::mqtt::kWaitingBytesMax) std::abort();
    out += text_of(output);
    session.sent(output.size(), Instant{});
  }
  out += session.closing() ? " closed" : " open";
  session.gone();
  if (!core.links.empty()) std::abort();  // Nobody may call a session that is gone.
  return out;
}

void write_again(const hub::mqtt::Frame& frame) {
  const auto message = hub::mqtt::parse_publish(frame);
  if (!message) return;
  const std::string bytes = hub::mqtt::publish({.topic = message->topic,
                                                .payload = text_of(message->payload),
                                                .qos = message->qos,
                                                .duplicate = false,
                                                .packet_id = message->packet_id});
  const auto again = hub::mqtt::first_frame(bytes_of(bytes), bytes.size());
  fuzz::require(again && *again && (*again)->size_bytes == bytes.size());
  const auto same = hub::mqtt::parse_publish(**again);
  fuzz::require(same && same->topic == message->topic && same->qos == message->qos);
  fuzz::require(same->packet_id == message->packet_id);
  fuzz::require(text_of(same->payload) == text_of(message->payload));
}

void read_frames(Bytes bytes) {
  while (!bytes.empty()) {
    const auto frame = hub::mqtt::first_frame(bytes, 4096);
    if (!frame || !*frame) return;
    fuzz::require((*frame)->size_bytes <= bytes.size() && (*frame)->size_bytes >= 2);
    fuzz::require((*frame)->body.size() < (*frame)->size_bytes);
    if ((*frame)->type == static_cast<unsigned>(hub::mqtt::PacketType::Publish))
      write_again(**frame);
    bytes = bytes.subspan((*frame)->size_bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = text_of(std::as_bytes(std::span(data + 1, size - 1)));
  read_frames(bytes_of(bytes));
  const std::size_t cut = bytes.empty() ? 0 : data[0] % bytes.size();
  if (answers(bytes, {}) != answers(bytes.substr(0, cut), bytes.substr(cut))) std::abort();
  return 0;
}
