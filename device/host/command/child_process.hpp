#pragma once

// A program of the user's in a process group of its own, so that it can be ended with all it
// started.

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "device/host/command/command.hpp"
#include "device/host/command/internal/unique_fd.hpp"

namespace ota::command {

using SteadyTime = std::chrono::steady_clock::time_point;

struct SpawnOptions {
  std::vector<std::string> environment = {};  // NAME=value, added to the inherited ones
  int inherited_fd = -1;                      // kept open in the child, as its descriptor 3
};

/// How a program ended.
struct ExitReport {
  int exit_code = -1;  // -1 if a signal ended it
  int signal = 0;

  bool success() const noexcept { return exit_code == 0; }
};

class ChildProcess {
 public:
  /// Starts the command with pipes as standard input and output; standard error is inherited. It is
  /// killed when the thread that calls this ends, so call it from a thread that lives as long as
  /// the work. Secrets of the parent's environment do not go to the child.
  /// @returns nothing if the program cannot be started; `errno` says why
  static std::optional<ChildProcess> spawn(const Command& command, const SpawnOptions& options);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();  // kills the group if it still runs

  int input() const noexcept { return input_.get(); }    // non-blocking
  int output() const noexcept { return output_.get(); }  // non-blocking
  void close_input() noexcept;

  /// Bytes of the input that the program had not read when it ended, as far as the system tells.
  std::size_t unread_input_bytes() const noexcept;

  /// Looks whether the program has ended, without waiting.
  std::optional<ExitReport> poll_exit() noexcept;

  /// Waits until `deadline`.
  std::optional<ExitReport> wait_until(SteadyTime deadline) noexcept;

  /// Ends the whole group: politely, then by force.
  void kill_group() noexcept;

  pid_t pid() const noexcept { return pid_; }

 private:
  ChildProcess(pid_t pid, UniqueFd input, UniqueFd output) noexcept;
  void reap() noexcept;

  pid_t pid_;
  UniqueFd input_;
  UniqueFd input_reader_;  // a second reader of the input pipe, to count what was left unread
  UniqueFd output_;
  std::optional<ExitReport> exit_;
};

}  // namespace ota::command
