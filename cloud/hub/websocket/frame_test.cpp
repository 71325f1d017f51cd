#include "cloud/hub/websocket/frame.hpp"

#include <gtest/gtest.h>

#include "cloud/hub/websocket/client_frames.hpp"

namespace ota::hub::websocket {
namespace {

using client::binary;
using client::frame;

Received read(std::string_view bytes) { return FrameReader().read(bytes_of(bytes)); }

TEST(WebSocketFrame, ReadsTheExampleOfTheStandard) {
  // RFC 6455, section 5.7: "Hello", masked; as a binary frame here.
  EXPECT_EQ(read("\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58").data, "Hello");
}

TEST(WebSocketFrame, ReadsEveryFormOfTheLength) {
  for (const std::size_t size : {0U, 1U, 125U, 126U, 127U, 65535U, 65536U, 1048576U}) {
    SCOPED_TRACE(size);
    const Received received = read(binary(std::string(size, 'x')) + binary("!"));
    EXPECT_EQ(received.data, std::string(size, 'x') + "!");
    EXPECT_FALSE(received.end);
  }
}

TEST(WebSocketFrame, ReadsBytesInAnyPieces) {
  const std::string bytes = frame(2, "one ", {.final = false}) + frame(9, "are you there") +
                            frame(0, "two ", {.final = false}) + frame(0, "three") + binary("!");
  FrameReader reader;
  Received all;
  for (const char& c : bytes) {
    const Received piece = reader.read(bytes_of(std::string_view(&c, 1)));
    all.data += piece.data;
    if (piece.ping) all.ping = piece.ping;
    EXPECT_FALSE(piece.end);
  }
  EXPECT_EQ(all.data, "one two three!");
  EXPECT_EQ(all.ping, "are you there");
}

TEST(WebSocketFrame, EndsOnWhatBreaksARule) {
  struct Case {
    std::string bytes;
    CloseCode code;
  };
  const std::string open = frame(2, "x", {.final = false});
  const Case cases[] = {
      {frame(2, "x", {.masked = false}), CloseCode::ProtocolError},
      {frame(2, "x", {.reserved = 4}), CloseCode::ProtocolError},
      {frame(2, "x", {.reserved = 1}), CloseCode::ProtocolError},
      {frame(1, "x"), CloseCode::UnsupportedData},
      {frame(3, "x"), CloseCode::ProtocolError},
      {frame(11, "x"), CloseCode::ProtocolError},
      {frame(0, "x"), CloseCode::ProtocolError},
      {open + binary("x"), CloseCode::ProtocolError},
      {frame(9, std::string(126, 'x')), CloseCode::ProtocolError},
      {frame(9, "x", {.final = false}), CloseCode::ProtocolError},
      {frame(8, "x"), CloseCode::ProtocolError},
      {client::close(999), CloseCode::ProtocolError},
      {client::close(1005), CloseCode::ProtocolError},
      {client::close(2000), CloseCode::ProtocolError},
      {client::close(5000), CloseCode::ProtocolError},
      {binary(std::string(kMessageBytesMax + 1, 'x')), CloseCode::MessageTooBig},
      {open + frame(0, std::string(kMessageBytesMax, 'x')), CloseCode::MessageTooBig},
      {std::string("\x82\xFE\x00\x7D", 4) + "keys", CloseCode::ProtocolError},
      {std::string("\x82\xFF\x00\x00\x00\x00\x00\x00\xFF\xFF", 10) + "keys",
       CloseCode::ProtocolError},
      {std::string("\x82\xFF\x80\x00\x00\x00\x00\x00\x00\x00", 10) + "keys",
       CloseCode::MessageTooBig},
  };
  for (const Case& c : cases) {
    const Received received = read("" + c.bytes);
    ASSERT_TRUE(received.end) << ::testing::PrintToString(c.bytes.substr(0, 20));
    EXPECT_EQ(received.end->answer, c.code) << received.end->why;
  }
}

TEST(WebSocketFrame, ReadsNothingAfterTheEnd) {
  FrameReader reader;
  const Received first =
      reader.read(bytes_of(binary("last") + client::close(3001) + binary("too late")));
  EXPECT_EQ(first.data, "last");
  ASSERT_TRUE(first.end);
  EXPECT_EQ(static_cast<unsigned>(first.end->answer), 3001U);
  EXPECT_EQ(reader.read(bytes_of(binary("too late"))).data, "");
}

TEST(WebSocketFrame, AnswersACloseWithoutACode) {
  const Received received = read(frame(8, ""));
  ASSERT_TRUE(received.end);
  EXPECT_EQ(received.end->answer, CloseCode::Normal);
}

TEST(WebSocketFrame, WritesEveryFormOfTheLength) {
  EXPECT_EQ(frame_head(Opcode::Binary, 125), "\x82\x7D");
  EXPECT_EQ(frame_head(Opcode::Binary, 126), std::string("\x82\x7E\x00\x7E", 4));
  EXPECT_EQ(frame_head(Opcode::Binary, 65536),
            std::string("\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00", 10));
  EXPECT_EQ(close_frame(CloseCode::GoingAway), std::string("\x88\x02\x03\xE9", 4));
}

}  // namespace
}  // namespace ota::hub::websocket
