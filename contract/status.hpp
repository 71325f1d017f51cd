#pragma once

// What a device says of an update: the reported property `extFwInfo`. Words and codes are on the
// wire: never rename them.

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/fixed_text.hpp"
#include "contract/limits.hpp"

namespace ota::contract {

namespace report_key {
inline constexpr std::string_view kStatus = "Status";
inline constexpr std::string_view kError = "Error";
inline constexpr std::string_view kVersion = "Version";
inline constexpr std::string_view kPhase = "Phase";
inline constexpr std::string_view kCode = "Code";
inline constexpr std::string_view kDetail = "Detail";
inline constexpr std::string_view kTarget = "Target";
inline constexpr std::string_view kProgress = "Progress";
inline constexpr std::string_view kAttempt = "Attempt";
inline constexpr std::string_view kSince = "Since";
}  // namespace report_key

/// Where the update engine stands. Values are in the journal on the flash: frozen.
enum class Phase : std::uint8_t {
  Idle = 0,
  Waiting = 1,
  Downloading = 2,
  Verifying = 3,
  Programming = 4,
  Confirming = 5,
  RollingBack = 6,
};
inline constexpr std::uint8_t kPhaseCount = 7;

constexpr std::string_view to_text(Phase phase) noexcept {
  switch (phase) {
    case Phase::Idle:
      return "idle";
    case Phase::Waiting:
      return "waiting";
    case Phase::Downloading:
      return "downloading";
    case Phase::Verifying:
      return "verifying";
    case Phase::Programming:
      return "programming";
    case Phase::Confirming:
      return "confirming";
    case Phase::RollingBack:
      return "rolling_back";
  }
  return "unknown";
}

/// The public sample's words.
enum class StatusWord : std::uint8_t {
  None = 0,
  Downloading = 1,
  Interrupted = 2,
  Applying = 3,
  Applied = 4,
  Error = 5
};

constexpr std::string_view to_text(StatusWord word) noexcept {
  switch (word) {
    case StatusWord::None:
      return "none";
    case StatusWord::Downloading:
      return "downloading";
    case StatusWord::Interrupted:
      return "interrupted";
    case StatusWord::Applying:
      return "applying";
    case StatusWord::Applied:
      return "applied";
    case StatusWord::Error:
      return "error";
  }
  return "none";
}

/// The public sample's error texts (`Error`), kept for tools written against it.
enum class SampleError : std::uint8_t {
  None,
  Sha256,
  HttpResponse,
  NetworkTimeout,
  McuDownload,
  FileOperation
};

constexpr std::string_view to_text(SampleError error) noexcept {
  switch (error) {
    case SampleError::None:
      return "None";
    case SampleError::Sha256:
      return "SHA256 verify fail";
    case SampleError::HttpResponse:
      return "Http Response > 400";
    case SampleError::NetworkTimeout:
      return "Network Timeout";
    case SampleError::McuDownload:
      return "MCU Download fail";
    case SampleError::FileOperation:
      return "File operation fail";
  }
  return "None";
}

/// Why the device is where it is, stable for programs. Values are in the journal: frozen, add at
/// the end.
enum class Code : std::uint8_t {
  None = 0,
  BadOffer = 1,                 // a key is missing, of a wrong type or out of range
  WrongProduct = 2,             // the offer is for another product
  OlderIgnored = 3,             // the MCU runs this version or a newer one
  TooLarge = 4,                 // the image does not fit on the flash
  SasExpired = 5,               // 403: the token ran out; a new offer is needed
  NotFound = 6,                 // 404: no such blob
  HttpRefused = 7,              // another 4xx
  ServerError = 8,              // 408, 429, 5xx
  NetworkUnreachable = 9,       // no connection, name look-up, TLS or time-out
  Stalled = 10,                 // no new byte for 24 h
  HashMismatch = 11,            // the bytes on the flash do not have the hash of the offer
  StorageCorrupt = 12,          // the flash file system could not be mounted
  StorageFailed = 13,           // the flash does not answer, is protected or fails
  McuFailed = 14,               // the programmer failed
  McuSilent = 15,               // programmed, but the MCU does not report the wanted version
  RolledBack = 16,              // the previous image runs again
  RollbackFailed = 17,          // the previous image could not be programmed yet
  RollbackUnavailable = 18,     // there is no previous image to go back to
  ClockUnset = 19,              // certificates cannot be checked before the time is known
  TlsUntrusted = 20,            // the server's certificate is not trusted
  Withdrawn = 21,               // the deployment was taken back
  ProgrammingInterrupted = 22,  // restarted 20 times while programming
  Superseded = 23,              // a newer offer took its place
  InsecureUrl = 24,             // plain http:// is not allowed by the configuration
};
inline constexpr std::uint8_t kCodeCount = 25;

constexpr std::string_view to_text(Code code) noexcept {
  constexpr std::string_view kTexts[kCodeCount] = {"none",
                                                   "bad_offer",
                                                   "wrong_product",
                                                   "older_ignored",
                                                   "too_large",
                                                   "sas_expired",
                                                   "not_found",
                                                   "http_refused",
                                                   "server_error",
                                                   "network_unreachable",
                                                   "stalled",
                                                   "hash_mismatch",
                                                   "storage_corrupt",
                                                   "storage_failed",
                                                   "mcu_failed",
                                                   "mcu_silent",
                                                   "rolled_back",
                                                   "rollback_failed",
                                                   "rollback_unavailable",
                                                   "clock_unset",
                                                   "tls_untrusted",
                                                   "withdrawn",
                                                   "programming_interrupted",
                                                   "superseded",
                                                   "insecure_url"};
  const auto index = static_cast<std::uint8_t>(code);
  return index < kCodeCount ? kTexts[index] : std::string_view("unknown");
}

/// The public sample's text for a code.
constexpr SampleError sample_error_of(Code code) noexcept {
  switch (code) {
    case Code::None:
    case Code::OlderIgnored:
    case Code::Withdrawn:
    case Code::Superseded:
    case Code::RollbackUnavailable:
      return SampleError::None;
    case Code::HashMismatch:
    case Code::BadOffer:
    case Code::WrongProduct:
      return SampleError::Sha256;
    case Code::SasExpired:
    case Code::NotFound:
    case Code::HttpRefused:
    case Code::ServerError:
    case Code::InsecureUrl:
      return SampleError::HttpResponse;
    case Code::NetworkUnreachable:
    case Code::Stalled:
    case Code::ClockUnset:
    case Code::TlsUntrusted:
      return SampleError::NetworkTimeout;
    case Code::McuFailed:
    case Code::McuSilent:
    case Code::RolledBack:
    case Code::RollbackFailed:
    case Code::ProgrammingInterrupted:
      return SampleError::McuDownload;
    case Code::TooLarge:
    case Code::StorageCorrupt:
    case Code::StorageFailed:
      return SampleError::FileOperation;
  }
  return SampleError::None;
}

/// One report. `since` is wall time and added by the sender, which knows the clock.
struct Report {
  StatusWord status = StatusWord::None;
  Code code = Code::None;
  Phase phase = Phase::Idle;
  std::uint32_t version = 0;  // what the MCU runs
  std::uint32_t target = 0;   // what the offer wants; 0: no offer yet
  std::uint32_t attempt = 0;
  std::uint8_t progress_percent = 0;
  FixedText<kDetailBytesMax> detail;  // one sentence for a person

  friend constexpr bool operator==(const Report&, const Report&) noexcept = default;
};

}  // namespace ota::contract
