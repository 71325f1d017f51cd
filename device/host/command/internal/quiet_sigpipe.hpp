#pragma once

#include <pthread.h>
#include <signal.h>

#include <ctime>

namespace ota::command {

/// While it lives, writing to a pipe that nobody reads gives EPIPE in this thread instead of ending
/// the process. Neither the process's handler nor a signal that was pending before is touched.
class QuietSigpipe {
 public:
  QuietSigpipe() noexcept {
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    sigset_t only_sigpipe = set();
    pthread_sigmask(SIG_BLOCK, &only_sigpipe, &before_);
  }
  ~QuietSigpipe() {
    if (!was_pending_) {
      const sigset_t only_sigpipe = set();
      const timespec now{};
      while (sigtimedwait(&only_sigpipe, nullptr, &now) == SIGPIPE) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  QuietSigpipe(const QuietSigpipe&) = delete;
  QuietSigpipe& operator=(const QuietSigpipe&) = delete;

 private:
  static sigset_t set() noexcept {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
  }
  sigset_t before_{};
  bool was_pending_ = false;
};

}  // namespace ota::command
