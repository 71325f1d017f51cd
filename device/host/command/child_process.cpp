#include "device/host/command/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

namespace ota::command {
namespace {

constexpr int kPollMs = 10;
constexpr auto kGrace = std::chrono::seconds(1);
constexpr int kInheritedFd = 3;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

std::optional<Pipe> make_pipe() noexcept {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// The agent's own settings and keys are none of the programmer's business.
bool may_inherit(std::string_view variable) noexcept {
  const std::string_view name = variable.substr(0, variable.find('='));
  return !name.starts_with("OTA_") && !name.ends_with("CONNECTION_STRING") &&
         !name.ends_with("_KEY") && !name.ends_with("_TOKEN") && !name.ends_with("_SECRET");
}

std::vector<std::string> child_environment(const std::vector<std::string>& added) {
  std::vector<std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (may_inherit(*entry)) variables.emplace_back(*entry);
  }
  variables.insert(variables.end(), added.begin(), added.end());
  return variables;
}

std::vector<char*> c_pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

struct ChildPlan {
  char** arguments;
  char** environment;
  int input;
  int output;
  int inherited;
  int failure;  // takes errno if exec fails
  pid_t parent;
};

// Runs between fork and exec, where the other threads' locks may be held: only calls that are safe
// in a signal handler.
[[noreturn]] void become(const ChildPlan& plan) noexcept {
  // Out of the way of the descriptors 0 .. 3, which are given away below.
  const int failure = ::fcntl(plan.failure, F_DUPFD_CLOEXEC, 10);
  const int inherited = plan.inherited < 0 ? -1 : ::fcntl(plan.inherited, F_DUPFD_CLOEXEC, 10);
  const auto fail = [failure] {
    const int reason = errno;
    if (::write(failure, &reason, sizeof reason) < 0) ::_exit(126);
    ::_exit(127);
  };
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != plan.parent) ::_exit(127);  // The agent died before prctl took hold.
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(plan.input, STDIN_FILENO) < 0 || ::dup2(plan.output, STDOUT_FILENO) < 0) fail();
  if (inherited >= 0 && ::dup2(inherited, kInheritedFd) < 0) fail();
  const unsigned first_closed = inherited >= 0 ? kInheritedFd + 1U : kInheritedFd;
#ifdef SYS_close_range
  // Old kernels lack it; every descriptor of the agent itself is close-on-exec anyway.
  constexpr unsigned kCloseOnExec = 4;
  (void)::syscall(SYS_close_range, first_closed, ~0U, kCloseOnExec);
#endif
  ::execvpe(plan.arguments[0], plan.arguments, plan.environment);
  fail();
  ::_exit(127);
}

void set_non_blocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0) ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

// Reads errno of a failed exec; nothing if exec went well (the pipe was closed by it).
std::optional<int> exec_failure(int fd) noexcept {
  int reason = 0;
  ssize_t count = 0;
  do {
    count = ::read(fd, &reason, sizeof reason);
  } while (count < 0 && errno == EINTR);
  if (count == sizeof reason) return reason;
  return std::nullopt;
}

}  // namespace

std::optional<ChildProcess> ChildProcess::spawn(const Command& command,
                                                const SpawnOptions& options) {
  if (command.empty()) {
    errno = EINVAL;
    return std::nullopt;
  }
  auto input = make_pipe();
  auto output = make_pipe();
  auto failure = make_pipe();
  if (!input || !output || !failure) return std::nullopt;
  const auto variables = child_environment(options.environment);
  auto arguments = c_pointers(command.arguments);
  auto environment = c_pointers(variables);
  const ChildPlan plan{.arguments = arguments.data(),
                       .environment = environment.data(),
                       .input = input->read.get(),
                       .output = output->write.get(),
                       .inherited = options.inherited_fd,
                       .failure = failure->write.get(),
                       .parent = ::getpid()};
  const pid_t pid = ::fork();
  if (pid < 0) return std::nullopt;
  if (pid == 0) become(plan);
  ::setpgid(pid,
            pid);  // In both, so that it holds before either goes on; failing after exec is fine.
  failure->write.reset();
  set_non_blocking(input->write.get());
  set_non_blocking(output->read.get());
  ChildProcess child(pid, std::move(input->write), std::move(output->read));
  if (const auto reason = exec_failure(failure->read.get())) {
    (void)child.wait_until(std::chrono::steady_clock::now() + kGrace);
    errno = *reason;
    return std::nullopt;
  }
  return child;
}

ChildProcess::ChildProcess(pid_t pid, UniqueFd input, UniqueFd output) noexcept
    : pid_(pid), input_(std::move(input)), output_(std::move(output)) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      input_(std::move(other.input_)),
      input_reader_(std::move(other.input_reader_)),
      output_(std::move(other.output_)),
      exit_(other.exit_) {}

ChildProcess::~ChildProcess() {
  if (pid_ > 0 && !exit_) kill_group();
}

void ChildProcess::close_input() noexcept {
  if (!input_) return;
  // A new reader of our own pipe: it sees what the program leaves behind, without keeping the pipe
  // writable. Without /proc the count is simply zero.
  const std::string path = "/proc/self/fd/" + std::to_string(input_.get());
  input_reader_.reset(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  input_.reset();
}

std::size_t ChildProcess::unread_input_bytes() const noexcept {
  int count = 0;
  if (!input_reader_ || ::ioctl(input_reader_.get(), FIONREAD, &count) != 0) return 0;
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

std::optional<ExitReport> ChildProcess::poll_exit() noexcept {
  if (exit_) return exit_;
  siginfo_t info{};
  const int found = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
  if (found == 0 && info.si_pid == pid_) reap();
  return exit_;
}

void ChildProcess::reap() noexcept {
  // What it left running would hold the MCU; the group's number stays ours until the leader is
  // reaped.
  ::kill(-pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  exit_ = ExitReport{.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                     .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0};
}

std::optional<ExitReport> ChildProcess::wait_until(SteadyTime deadline) noexcept {
  while (!poll_exit()) {
    if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    (void)::poll(nullptr, 0, kPollMs);
  }
  return exit_;
}

void ChildProcess::kill_group() noexcept {
  ::kill(-pid_, SIGTERM);
  if (wait_until(std::chrono::steady_clock::now() + kGrace)) return;
  reap();
}

}  // namespace ota::command
