#include "cloud/doctor/network_checks.hpp"

#include <curl/curl.h>

#include <cstdlib>

#include "cloud/rest/tls_probe.hpp"

namespace ota::doctor {
namespace {

std::string day_of(contract::UnixSeconds time) {
  return contract::to_iso8601(time).substr(0, std::string("2030-01-01").size());
}

std::string describe(const rest::PeerCertificate& certificate) {
  return "'" + certificate.subject + "' by '" + certificate.issuer + "'" +
         (certificate.expires == 0 ? "" : ", valid until " + day_of(certificate.expires));
}

bool report_tls(Findings& findings, const std::string& check, const rest::TlsFacts& facts,
                contract::UnixSeconds now) {
  const std::string shown = facts.certificate ? describe(*facts.certificate) : "no certificate";
  if (!facts.distrust.empty()) {
    findings.failed(check, "it shows the certificate " + shown + ", not trusted: " + facts.distrust,
                    "name the right CA with --ca, or use the profile of this hub; a proxy that "
                    "opens TLS needs its CA there too");
    return false;
  }
  const auto expires = facts.certificate ? facts.certificate->expires : 0;
  if (expires != 0 && expires - now < kCertificateSoonSeconds) {
    findings.warning(check, "the certificate " + shown + " ends soon",
                     "renew it before then: devices and operators cannot connect afterwards");
  } else {
    findings.ok(check, "trusted, " + shown);
  }
  return true;
}

std::string span_text(contract::UnixSeconds seconds) {
  return seconds < 120 ? std::to_string(seconds) + " s" : std::to_string(seconds / 60) + " min";
}

void report_clock(Findings& findings, contract::UnixSeconds ahead, const std::string& whose) {
  const contract::UnixSeconds off = std::abs(ahead);
  if (off <= kClockNoticeSeconds) {
    return findings.ok("clock", "within " + span_text(kClockNoticeSeconds) + " of " + whose);
  }
  const std::string detail =
      "this machine's clock is " + span_text(off) + (ahead > 0 ? " ahead of " : " behind ") + whose;
  const std::string fix = "set the clock (timedatectl set-ntp true)";
  if (off <= kClockLimitSeconds) return findings.warning("clock", detail, fix);
  findings.failed("clock",
                  detail + "; that is the usual cause of refused tokens (HTTP 401 and 403)", fix);
}

}  // namespace

bool check_endpoint(Findings& findings, const std::string& area, const std::string& origin,
                    const rest::HttpOptions& options, contract::UnixSeconds now) {
  // Not every TLS listener speaks HTTP: devices come with MQTT.
  constexpr std::string_view kTls = "https://";
  const bool tls = origin.starts_with(kTls);
  const auto reached = rest::probe_tcp(origin, options);
  if (!reached) {
    findings.failed(area + ".address", reached.error().message, "");
    if (tls) findings.skipped(area + ".tls", "nothing answers there");
    return false;
  }
  findings.ok(area + ".address", (tls ? origin.substr(kTls.size()) : origin) + " answers");
  if (!tls) return true;
  const auto facts = rest::probe_tls(origin, options);
  if (facts) return report_tls(findings, area + ".tls", *facts, now);
  findings.failed(area + ".tls", facts.error().message,
                  "check that this is the right port and that nothing between cuts TLS");
  return false;
}

void check_clock(Findings& findings, const std::vector<std::string>& urls,
                 const rest::HttpOptions& options, const rest::WallClock& now) {
  rest::HttpClient http(options);
  for (const std::string& url : urls) {
    const contract::UnixSeconds before = now();
    const auto reply = http.send({.url = url});
    if (!reply) continue;
    const contract::UnixSeconds after = now();
    const auto theirs = read_date(reply->header("Date").value_or(""));
    if (!theirs) continue;
    return report_clock(findings, before + (after - before) / 2 - *theirs, rest::origin_of(url));
  }
  findings.skipped("clock", "no service answered with its time");
}

std::optional<contract::UnixSeconds> read_date(const std::string& text) {
  const std::time_t time = text.empty() ? -1 : ::curl_getdate(text.c_str(), nullptr);
  return time < 0 ? std::nullopt : std::optional<contract::UnixSeconds>(time);
}

}  // namespace ota::doctor
