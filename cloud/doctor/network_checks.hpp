#pragma once

// Whether the endpoints can be reached and trusted, and whether the clocks agree.

#include <optional>
#include <string>
#include <vector>

#include "cloud/doctor/findings.hpp"
#include "cloud/rest/service_session.hpp"
#include "contract/azure/sas.hpp"

namespace ota::doctor {

/// A certificate that ends sooner is worth a warning.
inline constexpr contract::UnixSeconds kCertificateSoonSeconds = 14 * 86'400;

/// How far the clocks may be apart: from here on it is said, and from there on tokens are refused.
inline constexpr contract::UnixSeconds kClockNoticeSeconds = 60;
inline constexpr contract::UnixSeconds kClockLimitSeconds = 300;

/// {area}.address and, for "https://", {area}.tls.
/// @param origin  "https://host[:port]" or "http://host[:port]"
/// @returns whether requests can be sent there
bool check_endpoint(Findings& findings, const std::string& area, const std::string& origin,
                    const rest::HttpOptions& options, contract::UnixSeconds now);

/// clock: our time against the Date of the answer to a request without key.
/// @param urls  asked one after the other until one answers
void check_clock(Findings& findings, const std::vector<std::string>& urls,
                 const rest::HttpOptions& options, const rest::WallClock& now);

/// Reads the Date field of an answer; nothing if it is none.
std::optional<contract::UnixSeconds> read_date(const std::string& text);

}  // namespace ota::doctor
