#include "device/host/command/command_programmer.hpp"

#include <poll.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>

#include "base/encoding.hpp"
#include "device/host/command/child_process.hpp"
#include "device/host/command/internal/quiet_sigpipe.hpp"
#include "device/host/command/mcu_lock.hpp"

namespace ota::command {
namespace {

using std::chrono::steady_clock;

constexpr int kPollMs = 20;
constexpr std::size_t kPieceBytes = 16 * 1024;
constexpr std::size_t kVersionOutputBytesMax = 4096;

std::vector<std::string> environment_of(const mcu::ImageInfo& image) {
  return {"OTA_VERSION=" + std::to_string(image.version),
          "OTA_SIZE=" + std::to_string(image.size_bytes), "OTA_SHA256=" + to_hex(image.sha256),
          "OTA_MCU_VERSION=" + std::string(image.mcu_version.view())};
}

std::string describe(const ExitReport& exit) {
  if (exit.signal != 0) return "was ended by signal " + std::to_string(exit.signal);
  return "ended with exit code " + std::to_string(exit.exit_code);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// What the program prints belongs to the log of the agent; it must never fill its pipe and stop.
void pass_output_on(int output) noexcept {
  std::array<char, 4096> buffer;
  for (ssize_t count; (count = ::read(output, buffer.data(), buffer.size())) > 0;) {
    // The log may be gone; the update goes on without it.
    if (::write(STDERR_FILENO, buffer.data(), static_cast<std::size_t>(count)) < 0) return;
  }
}

enum class Fed { All, Closed, Ended, TimedOut };

// Writes one piece, while the output is passed on and the program is watched.
Fed feed(ChildProcess& child, Bytes piece, steady_clock::time_point deadline) noexcept {
  while (!piece.empty()) {
    if (steady_clock::now() >= deadline) return Fed::TimedOut;
    const ssize_t count = ::write(child.input(), piece.data(), piece.size());
    if (count > 0) {
      piece = piece.subspan(static_cast<std::size_t>(count));
      continue;
    }
    if (count < 0 && errno == EPIPE) return Fed::Closed;
    if (count < 0 && errno != EAGAIN && errno != EINTR) return Fed::Closed;
    if (child.poll_exit()) return Fed::Ended;
    pass_output_on(child.output());
    std::array<pollfd, 2> fds{pollfd{child.input(), POLLOUT, 0}, pollfd{child.output(), POLLIN, 0}};
    (void)::poll(fds.data(), fds.size(), kPollMs);
  }
  return Fed::All;
}

std::optional<ExitReport> wait_for_exit(ChildProcess& child,
                                        steady_clock::time_point deadline) noexcept {
  for (;;) {
    pass_output_on(child.output());
    const auto slice = steady_clock::now() + std::chrono::milliseconds(kPollMs);
    if (const auto exit = child.wait_until(std::min(slice, deadline))) {
      pass_output_on(child.output());
      return exit;
    }
    if (steady_clock::now() >= deadline) return std::nullopt;
  }
}

}  // namespace

std::chrono::milliseconds CommandProgrammer::program_timeout(
    std::uint32_t size_bytes) const noexcept {
  const auto rate = std::max(settings_.bytes_per_second_min, 1U);
  return settings_.program_timeout_base +
         std::chrono::milliseconds(std::uint64_t{1000} * size_bytes / rate);
}

Errc CommandProgrammer::fail(Errc error, const std::string& why) const {
  if (settings_.log) settings_.log(why);
  return error;
}

Status CommandProgrammer::program(const mcu::ImageInfo& image, mcu::ImageSource& source) noexcept {
  try {
    return run_program(image, source);
  } catch (const std::exception&) {
    return Errc::Io;  // Out of memory or a thread limit; programming is simply tried again.
  }
}

Status CommandProgrammer::run_program(const mcu::ImageInfo& image, mcu::ImageSource& source) {
  const auto lock =
      McuLock::acquire(settings_.lock_file, steady_clock::now() + settings_.lock_timeout);
  if (!lock) {
    return fail(errno == EWOULDBLOCK ? Errc::Busy : Errc::Io,
                "the MCU's lock " + settings_.lock_file + ": " + std::strerror(errno));
  }
  const QuietSigpipe quiet;
  const auto deadline = steady_clock::now() + program_timeout(image.size_bytes);
  auto child = ChildProcess::spawn(
      settings_.program, {.environment = environment_of(image), .inherited_fd = lock->fd()});
  if (!child) {
    return fail(Errc::Io, "the programmer cannot be started: " + std::string(std::strerror(errno)));
  }
  std::array<std::byte, kPieceBytes> buffer;
  for (std::uint32_t offset = 0; offset < image.size_bytes;) {
    const std::size_t wanted = std::min<std::size_t>(buffer.size(), image.size_bytes - offset);
    const auto count = source.read(offset, MutableBytes(buffer).first(wanted));
    if (!count || *count == 0) {
      child->kill_group();
      return fail(Errc::Io, "the image cannot be read from the flash");
    }
    switch (feed(*child, Bytes(buffer).first(*count), deadline)) {
      case Fed::All:
        break;
      case Fed::Closed:
      case Fed::Ended: {
        const auto exit = wait_for_exit(*child, steady_clock::now() + std::chrono::seconds(1));
        child->kill_group();
        return fail(Errc::Nack, "the programmer stopped reading the image" +
                                    (exit ? " and " + describe(*exit) : std::string()));
      }
      case Fed::TimedOut:
        child->kill_group();
        return fail(Errc::Timeout, "the programmer took too long and was ended");
    }
    offset += static_cast<std::uint32_t>(*count);
  }
  child->close_input();
  const auto exit = wait_for_exit(*child, deadline);
  if (!exit) {
    child->kill_group();
    return fail(Errc::Timeout, "the programmer took too long and was ended");
  }
  if (!exit->success()) return fail(Errc::Nack, "the programmer " + describe(*exit));
  if (child->unread_input_bytes() > 0) {
    return fail(Errc::Nack, "the programmer ended well but had not read the whole image");
  }
  return Ok{};
}

Result<mcu::VersionText> CommandProgrammer::running_version() noexcept {
  try {
    return run_version();
  } catch (const std::exception&) {
    return Errc::Io;
  }
}

Result<mcu::VersionText> CommandProgrammer::run_version() {
  const auto deadline = steady_clock::now() + settings_.version_timeout;
  const auto lock = McuLock::acquire(settings_.lock_file, deadline);
  if (!lock) return fail(Errc::Busy, "the MCU's lock is held by somebody else");
  auto child = ChildProcess::spawn(settings_.version, {.inherited_fd = lock->fd()});
  if (!child) {
    return fail(Errc::Io,
                "the version program cannot be started: " + std::string(std::strerror(errno)));
  }
  child->close_input();
  std::string output;
  std::array<char, 1024> buffer;
  std::optional<ExitReport> exit;
  for (;;) {
    exit = child->poll_exit();
    const ssize_t count = ::read(child->output(), buffer.data(), buffer.size());
    if (count > 0) {
      const std::size_t room = kVersionOutputBytesMax - output.size();
      output.append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
      if (steady_clock::now() < deadline) continue;
    }
    if (exit) break;
    if (steady_clock::now() >= deadline) {
      child->kill_group();
      return fail(Errc::Timeout, "the version program took too long and was ended");
    }
    pollfd fd{child->output(), POLLIN, 0};
    (void)::poll(&fd, 1, kPollMs);
  }
  if (!exit->success()) return fail(Errc::Io, "the version program " + describe(*exit));
  const std::string_view line = trim(std::string_view(output).substr(0, output.find('\n')));
  mcu::VersionText version;
  if (line.empty() || !version.assign(line)) {
    return fail(Errc::Corrupt, "the version program printed no version of 1 to 48 characters");
  }
  return version;
}

}  // namespace ota::command
