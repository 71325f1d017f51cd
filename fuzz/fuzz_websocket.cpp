// A client's WebSocket bytes, split at a place that the input chooses: what is read does not depend
// on the cut, and what is kept stays small. A frame that the hub writes says its own size.

#include <cstdint>
#include <string>

#include "cloud/hub/websocket/client_frames.hpp"
#include "cloud/hub/websocket/frame.hpp"
#include "fuzz/require.hpp"

namespace {

using namespace ota;
using hub::websocket::FrameReader;
using hub::websocket::Received;

std::string text_of_end(const Received& received) {
  if (!received.end) return " open";
  return " " + std::to_string(static_cast<unsigned>(received.end->answer)) + " " +
         std::string(received.end->why);
}

std::string read(std::string_view first, std::string_view second) {
  FrameReader reader;
  std::string data, ping = "none";
  Received last;
  for (const std::string_view piece : {first, second}) {
    const bool ended = last.end.has_value();
    const auto end = last.end;
    last = reader.read(bytes_of(piece));
    fuzz::require(last.data.size() <= piece.size());
    fuzz::require(!last.ping || last.ping->size() <= hub::websocket::kControlBytesMax);
    fuzz::require(!ended || (last.data.empty() && !last.ping && !last.end));
    if (ended) last.end = end;
    data += last.data;
    if (last.ping) ping = *last.ping;
  }
  return data + " ping " + ping + text_of_end(last);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = text_of(std::as_bytes(std::span(data + 1, size - 1)));
  const std::size_t cut = bytes.empty() ? 0 : data[0] % bytes.size();
  fuzz::require(read(bytes, {}) == read(bytes.substr(0, cut), bytes.substr(cut)));
  const Received back = FrameReader().read(bytes_of(hub::websocket::client::binary(bytes)));
  fuzz::require(back.data == bytes && !back.end);
  return 0;
}
