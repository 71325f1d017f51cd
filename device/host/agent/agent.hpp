#pragma once

#include <cstdint>
#include <string>

#include "device/host/agent/config.hpp"
#include "device/host/agent/file_lock.hpp"
#include "device/host/agent/flash_port.hpp"

namespace ota::agent {

/// How the program ends; numbers of docs/cli.md.
enum class ExitCode : int {
  Ok = 0,
  Failed = 1,
  Usage = 2,     // command line, configuration, or a file that it names
  NotFound = 3,  // nothing of that kind is on the chip
  Conflict = 4,  // another agent is using the same files
  Refused = 5,   // not confirmed
};

struct RunOptions {
  std::string events;             // file, "-" or empty; see EventLog
  std::uint64_t event_bytes = 0;  // a progress event each so many bytes; 0: each 5 %
};

/// For an agent that cannot have its state file or its flash chip.
ExitCode exit_code_of(const FileLock::Error& error) noexcept;

/// Works until SIGTERM or SIGINT. Must be called from the program's only thread.
ExitCode run_agent(const Config& config, const OpenFlash& open_flash, const RunOptions& options);

}  // namespace ota::agent
