// mcu-ota-virtual-mcu: a virtual MCU as the peer of the command programmer.
//   program --state DIR [--rate BYTES_PER_SECOND] [--any-image]
//       takes the image on standard input, what it is in the OTA_* variables
//   version --state DIR [--any-image]
//       prints what the MCU runs
// --any-image: starts images that are no Cortex-M firmware too, unless they begin with erased
// flash.

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "sim/mcu/virtual_mcu.hpp"

namespace {

using namespace ota;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

struct Arguments {
  std::string verb;
  std::string state;
  std::uint64_t bytes_per_second = 0;  // 0: as fast as the machine
  sim::BootCheck check = sim::BootCheck::CortexM;
};

std::optional<Arguments> parse(int count, char** values) {
  Arguments arguments;
  if (count < 2) return std::nullopt;
  arguments.verb = values[1];
  for (int i = 2; i < count; ++i) {
    const std::string_view name = values[i];
    if (name == "--any-image") {
      arguments.check = sim::BootCheck::NotErased;
    } else if (name == "--state" && i + 1 < count) {
      arguments.state = values[++i];
    } else if (name == "--rate" && i + 1 < count) {
      const auto rate = read_number<std::uint64_t>(values[++i]);
      if (!rate) return std::nullopt;
      arguments.bytes_per_second = *rate;
    } else {
      return std::nullopt;
    }
  }
  if (arguments.state.empty()) return std::nullopt;
  return arguments;
}

std::size_t read_input(MutableBytes out) {
  for (;;) {
    const ssize_t count = ::read(STDIN_FILENO, out.data(), out.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return 0;
  }
}

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

int fail(const std::string& message) {
  std::fprintf(stderr, "mcu-ota-virtual-mcu: %s\n", message.c_str());
  return kExitFailed;
}

int program(const Arguments& arguments) {
  const auto size = read_number<std::uint64_t>(variable("OTA_SIZE"));
  const auto hash = digest_from_hex(variable("OTA_SHA256"));
  const std::string version(variable("OTA_MCU_VERSION"));
  if (!size || !hash || version.empty()) {
    return fail("OTA_SIZE, OTA_SHA256 and OTA_MCU_VERSION must say what is to be programmed");
  }
  const auto pace = [rate = arguments.bytes_per_second](std::size_t bytes) {
    if (rate == 0) return;
    std::this_thread::sleep_for(std::chrono::microseconds(1'000'000 * bytes / rate));
  };
  sim::VirtualMcu mcu(arguments.state, arguments.check);
  const auto done =
      mcu.program({.size_bytes = *size, .sha256 = *hash, .version = version}, read_input, pace);
  return done ? EXIT_SUCCESS : fail(done.error().message);
}

int version(const Arguments& arguments) {
  const auto running = sim::VirtualMcu(arguments.state, arguments.check).version();
  if (!running) return fail(running.error().message);
  std::printf("%s\n", running->c_str());
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = parse(argc, argv);
  if (arguments && arguments->verb == "program") return program(*arguments);
  if (arguments && arguments->verb == "version") return version(*arguments);
  std::fputs(
      "usage: mcu-ota-virtual-mcu program --state DIR [--rate BYTES_PER_SECOND] [--any-image]\n"
      "       mcu-ota-virtual-mcu version --state DIR [--any-image]\n",
      stderr);
  return kExitUsage;
}
