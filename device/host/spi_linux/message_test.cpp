#include "device/host/spi_linux/message.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "device/host/spi_linux/spi_linux.hpp"

namespace ota::spi_linux {
namespace {

using flash::SpiFrame;

const std::array<std::byte, 1> kOne{std::byte{0x06}};
const std::array<std::byte, 4> kFour{std::byte{0x02}};
const std::vector<std::byte> kPage(256, std::byte{0x55});

std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

TEST(SpiMessage, WriteEnableAndPageProgramAreOneMessageWithChipSelectBetween) {
  const std::array frames = {SpiFrame{.command = kOne},
                             SpiFrame{.command = kFour, .write = kPage, .read = {}}};
  ASSERT_EQ(frames_in_message(frames, 4096), 2U);
  Transfers out;
  ASSERT_EQ(fill_transfers(frames, 8'000'000, out), 3U);
  EXPECT_EQ(out[0].len, 1U);
  EXPECT_EQ(out[0].tx_buf, address_of(kOne.data()));
  EXPECT_EQ(out[0].cs_change, 1U);
  EXPECT_EQ(out[1].len, 4U);
  EXPECT_EQ(out[1].cs_change, 0U);
  EXPECT_EQ(out[2].len, 256U);
  EXPECT_EQ(out[2].tx_buf, address_of(kPage.data()));
  EXPECT_EQ(out[2].cs_change, 0U) << "on the last transfer it would keep the flash selected";
  EXPECT_EQ(out[2].speed_hz, 8'000'000U);
}

TEST(SpiMessage, ReadHasNoSendBufferAndFollowsItsCommand) {
  std::vector<std::byte> in(100);
  const std::array frames = {SpiFrame{.command = kFour, .write = {}, .read = in}};
  Transfers out;
  ASSERT_EQ(fill_transfers(frames, 1, out), 2U);
  EXPECT_EQ(out[0].rx_buf, 0U);
  EXPECT_EQ(out[1].tx_buf, 0U);
  EXPECT_EQ(out[1].rx_buf, address_of(in.data()));
}

TEST(SpiMessage, LeavesNothingOverInUnusedFields) {
  Transfers out;
  std::memset(out.data(), 0xA5, sizeof out);
  const std::array frames = {SpiFrame{.command = kOne}};
  ASSERT_EQ(fill_transfers(frames, 1, out), 1U);
  EXPECT_EQ(out[0].delay_usecs, 0U);
  EXPECT_EQ(out[0].bits_per_word, 0U);
  EXPECT_EQ(out[0].tx_nbits, 0U);
  EXPECT_EQ(out[0].word_delay_usecs, 0U);
  EXPECT_EQ(out[0].pad, 0U);
}

TEST(SpiMessage, FramesThatDoNotFitTogetherGoInMessagesOfTheirOwn) {
  std::vector<std::byte> in(3000);
  const std::array frames = {SpiFrame{.command = kFour, .write = {}, .read = in},
                             SpiFrame{.command = kFour, .write = {}, .read = in}};
  EXPECT_EQ(frames_in_message(frames, 4096), 1U);
  EXPECT_EQ(frames_in_message(frames, 65536), 2U);
}

TEST(SpiMessage, NeverMoreThanSixteenTransfers) {
  const std::vector<SpiFrame> frames(40, SpiFrame{.command = kOne, .write = kOne, .read = {}});
  EXPECT_EQ(frames_in_message(frames, 1'000'000), 8U);
}

TEST(SpiMessage, LongestFrameIsWithinTheStrictestRule) {
  for (const std::size_t bufsiz : {1024U, 4096U, 5000U, 65536U}) {
    const std::size_t longest = frame_bytes_max(bufsiz);
    std::vector<std::byte> in(longest - kFour.size());
    const std::array frames = {SpiFrame{.command = kFour, .write = {}, .read = in}};
    const auto aligned = [](std::size_t size) { return (size + 127) / 128 * 128; };
    EXPECT_LE(aligned(kFour.size()) + aligned(in.size()), bufsiz) << bufsiz;
    EXPECT_EQ(frames_in_message(frames, bufsiz), 1U);
  }
  EXPECT_EQ(frame_bytes_max(0), kFrameBytesMin);
}

TEST(SpiLinux, MissingDeviceIsNamedWithAdvice) {
  const auto bus = SpiLinux::open({.device = "/dev/spidev-that-is-not-there"});
  ASSERT_FALSE(bus);
  EXPECT_NE(bus.error().find("/dev/spidev-that-is-not-there"), std::string::npos) << bus.error();
  EXPECT_NE(bus.error().find("device tree"), std::string::npos) << bus.error();
}

TEST(SpiLinux, MissingGpioChipIsNamed) {
  const auto bus = SpiLinux::open({.chip_select = GpioPlace{"/dev/gpiochip-none", 3}});
  ASSERT_FALSE(bus);
  EXPECT_NE(bus.error().find("/dev/gpiochip-none"), std::string::npos) << bus.error();
}

TEST(SpiLinux, AFileThatIsNoSpiDeviceIsRefused) {
  const auto bus = SpiLinux::open({.device = "/dev/null"});
  ASSERT_FALSE(bus);
  EXPECT_NE(bus.error().find("cannot set mode and speed of /dev/null"), std::string::npos);
}

}  // namespace
}  // namespace ota::spi_linux
