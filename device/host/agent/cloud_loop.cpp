#include "device/host/agent/cloud_loop.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "device/host/agent/telemetry.hpp"
#include "device/host/net/timing.hpp"

namespace ota::agent {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kPumpTime = milliseconds(100);  // how late mail of the update thread is noticed
constexpr Duration kStableTime = seconds(60);      // a connection that held so long was a good one
constexpr Duration kPauseAfterRefusal = seconds(30);
constexpr Duration kRetryMax = minutes(5);
constexpr std::uint32_t kRefusalsMax = 2;  // then DPS is asked for a hub again

/// The server's words for a wrong credential (CONNACK 4 and 5).
bool is_credential(int code) { return code == 4 || code == 5; }

std::string client_type() { return std::string("mcu-ota-agent/") + agent_version(); }

}  // namespace

CloudLoop::CloudLoop(CloudAccess access, Parts parts, TelemetryPlan telemetry)
    : access_(std::move(access)),
      parts_(parts),
      telemetry_(std::move(telemetry)),
      backoff_(seconds(1), std::min(kRetryMax, access_.network.timing.retry_max)),
      session_({}, parts.random, access_.network.timing) {
  if (!access_.uses_dps()) {
    assignment_ = access_.fixed;
  } else if (auto cached = parts_.state.assignment();
             cached && cached->registration == access_.registration()) {
    assignment_ = std::move(cached->assignment);
  }
}

void CloudLoop::run() {
  while (!parts_.inbox.stopped()) {
    pause_floor_ = net::kRetryFloor;
    const End end = work();
    if (end == End::Stopped) return;
    if (end == End::Renew) continue;
    if (parts_.inbox.stopped()) return;
    const Duration pause = pause_floor_ + backoff_.next(parts_.random);
    spdlog::info("cloud: next try in {:.1f} s",
                 static_cast<double>(duration_cast<milliseconds>(pause).count()) / 1000.0);
    if (parts_.inbox.wait_for_stop(pause)) return;
  }
}

CloudLoop::End CloudLoop::work() {
  if (!assignment_) {
    if (const End end = register_device(); !assignment_) return end;
  }
  const End end = converse();
  if (end != End::Refused) {
    refusals_ = 0;
  } else if (access_.uses_dps() && ++refusals_ >= kRefusalsMax) {
    forget_assignment();
  }
  return end;
}

CloudLoop::End CloudLoop::register_device() {
  spdlog::info("dps: registering '{}' at {}", access_.registration_id, access_.dps_host);
  net::MqttLink link;
  const net::Login login = net::dps_login(access_.id_scope, access_.registration_id,
                                          access_.credential, sas_expiry(), client_type());
  if (const auto end = connect(link, access_.dps_host, login, net::DpsSession::filters()))
    return *end;
  net::DpsSession session(access_.registration_id, access_.network.timing);
  session.subscribed(parts_.clock.now());
  while (!session.outcome()) {
    if (parts_.inbox.stopped()) return End::Stopped;
    for (const net::Publish& publish : session.take_publishes()) link.publish(publish);
    link.pump(kPumpTime);
    for (const net::LinkEvent& event : link.take_events()) {
      if (const auto* message = std::get_if<net::link_event::Message>(&event)) {
        session.received(message->topic, message->payload, parts_.clock.now());
      } else if (const auto end = on_event(event)) {
        return *end;
      }
    }
    session.tick(parts_.clock.now());
  }
  link.close();
  if (!session.outcome()->has_value()) {
    spdlog::error("dps: {}", session.outcome()->error().detail);
    pause_floor_ = kPauseAfterRefusal;
    return End::Refused;
  }
  assignment_ = session.outcome()->value();
  spdlog::info("dps: assigned to hub {} as '{}'", assignment_->hub_host, assignment_->device_id);
  parts_.state.save_assignment(CachedAssignment{access_.registration(), *assignment_},
                               parts_.wall_clock.now());
  return End::Renew;
}

CloudLoop::End CloudLoop::converse() {
  session_.rename(assignment_->device_id);
  net::MqttLink link;
  const Instant begin = parts_.clock.now();
  const net::Login login = net::hub_login(assignment_->hub_host, assignment_->device_id,
                                          access_.credential, sas_expiry(), client_type());
  const std::string& host =
      access_.gateway_host.empty() ? assignment_->hub_host : access_.gateway_host;
  if (const auto end = connect(link, host, login, net::HubSession::filters())) return *end;
  spdlog::info("hub: connected to {} as '{}'", host, assignment_->device_id);
  parts_.events.write("connected", {{"hub", std::string_view(assignment_->hub_host)},
                                    {"device", std::string_view(assignment_->device_id)}});
  // At 80 % of the token's life, a little earlier for some devices than for others.
  const Duration lifetime = access_.sas_lifetime * 4 / 5;
  const Duration spread(static_cast<Duration::rep>(
      parts_.random.below(static_cast<std::uint64_t>(lifetime.count() / 10) + 1)));
  const End end = serve(
      link, access_.credential.has_certificate() ? Instant::max() : begin + lifetime - spread);
  session_.disconnected();
  if (end == End::Renew || parts_.clock.now() - begin >= kStableTime) backoff_.reset();
  link.close();
  return end;
}

CloudLoop::End CloudLoop::serve(net::MqttLink& link, Instant renew_at) {
  // What the update thread said meanwhile may overtake what waits in the session.
  collect_reports();
  session_.subscribed(parts_.clock.now());
  Instant next_telemetry = parts_.clock.now();
  while (!parts_.inbox.stopped()) {
    exchange(link);
    const Instant now = parts_.clock.now();
    if (now >= renew_at) {
      spdlog::debug("hub: renewing the token");
      return End::Renew;
    }
    if (session_.silent()) return lost("the hub does not answer");
    if (telemetry_.interval > Duration(0) && now >= next_telemetry) {
      session_.telemetry(telemetry_.message());
      next_telemetry = now + telemetry_.interval;
    }
    link.pump(kPumpTime);
    for (const net::LinkEvent& event : link.take_events()) {
      if (const auto* message = std::get_if<net::link_event::Message>(&event)) {
        session_.received(message->topic, message->payload, parts_.clock.now());
      } else if (const auto end = on_event(event)) {
        return *end;
      }
    }
  }
  return End::Stopped;
}

void CloudLoop::collect_reports() {
  for (net::Report& report : parts_.inbox.take_reports()) {
    session_.report(std::move(report));
  }
}

void CloudLoop::exchange(net::MqttLink& link) {
  collect_reports();
  session_.tick(parts_.clock.now());
  for (const net::Publish& publish : session_.take_publishes()) link.publish(publish);
  const auto acknowledged = session_.take_acknowledged();
  for (const std::uint32_t number : acknowledged) {
    parts_.events.write("acknowledged", {{"number", std::uint64_t{number}}});
  }
  parts_.updates.put_acknowledged(acknowledged);
  if (auto wish = session_.take_wish()) parts_.updates.put_wish(std::move(*wish));
}

std::optional<CloudLoop::End> CloudLoop::connect(net::MqttLink& link, const std::string& host,
                                                 const net::Login& login,
                                                 const std::vector<std::string>& filters) {
  const auto endpoint = net::parse_endpoint(host, net::kMqttTlsPort);
  if (!endpoint) return lost(endpoint.error());
  const net::Credential& credential = access_.credential;
  const auto opened = link.open({*endpoint, login, access_.network.proxy, access_.ca_file,
                                 credential.cert_file, credential.key_file});
  if (!opened) return lost(opened.error());
  // From the first packet to the subscription.
  const Duration limit = access_.network.connect_timeout;
  const Instant deadline = parts_.clock.now() + limit;
  while (parts_.clock.now() < deadline) {
    if (parts_.inbox.stopped()) return End::Stopped;
    link.pump(kPumpTime);
    for (const net::LinkEvent& event : link.take_events()) {
      if (std::holds_alternative<net::link_event::Connected>(event)) link.subscribe(filters);
      if (std::holds_alternative<net::link_event::Subscribed>(event)) return std::nullopt;
      if (const auto end = on_event(event)) return end;
    }
  }
  return lost("no answer from " + host + " within " + std::to_string(net::whole_seconds(limit)) +
              " s");
}

std::optional<CloudLoop::End> CloudLoop::on_event(const net::LinkEvent& event) {
  if (const auto* gone = std::get_if<net::link_event::Lost>(&event)) return lost(gone->reason);
  const auto* refused = std::get_if<net::link_event::Refused>(&event);
  if (refused == nullptr) return std::nullopt;
  if (!is_credential(refused->code)) return lost(refused->reason);
  spdlog::error("cloud: the login was refused ({}); {}{}", refused->reason,
                access_.login_advice(!assignment_),
                parts_.wall_clock.is_set() ? "" : "; the clock is not set");
  parts_.events.write("disconnected", {{"reason", std::string_view(refused->reason)}});
  return End::Refused;
}

CloudLoop::End CloudLoop::lost(std::string_view reason) {
  spdlog::warn("cloud: {}", reason);
  parts_.events.write("disconnected", {{"reason", reason}});
  return End::Lost;
}

void CloudLoop::forget_assignment() {
  spdlog::info("cloud: asking DPS for a hub again");
  refusals_ = 0;
  assignment_.reset();
  parts_.state.save_assignment(std::nullopt, parts_.wall_clock.now());
}

contract::UnixSeconds CloudLoop::sas_expiry() const {
  return parts_.wall_clock.now() + net::whole_seconds(access_.sas_lifetime);
}

}  // namespace ota::agent
