#include "cli/interrupt.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <iostream>

namespace ota::cli {
namespace {

// A handler reaches nothing but globals. The pipe keeps a signal that comes between two waits.
volatile std::sig_atomic_t write_end = -1;

void wake(int) {
  const int kept = errno;
  const char byte = 0;
  // A full pipe has told it already.
  [[maybe_unused]] const auto written = ::write(static_cast<int>(write_end), &byte, 1);
  errno = kept;
}

void handle(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
}

}  // namespace

InterruptiblePause::InterruptiblePause() {
  std::array<int, 2> ends{};
  // Without a pipe Ctrl-C ends the program as it always does.
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return;
  read_end_ = ends[0];
  write_end = ends[1];
  handle(wake);
}

InterruptiblePause::~InterruptiblePause() {
  if (read_end_ < 0) return;
  handle(SIG_DFL);
  ::close(read_end_);
  ::close(static_cast<int>(write_end));
  write_end = -1;
}

rollout::LookPause::Result InterruptiblePause::wait(Duration duration) {
  using std::chrono::steady_clock;
  if (!std::cout.good()) return Result::Stopped;  // the reader has seen enough
  const auto end = steady_clock::now() + duration;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now());
    constexpr std::int64_t kPieceMs = 600'000;
    pollfd wanted{.fd = read_end_, .events = POLLIN, .revents = 0};
    const int limit = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, kPieceMs));
    if (::poll(&wanted, 1, limit) > 0) return Result::Stopped;
    if (steady_clock::now() >= end) return Result::Over;
  }
}

}  // namespace ota::cli
