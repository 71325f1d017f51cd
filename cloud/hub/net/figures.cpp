#include "cloud/hub/net/figures.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace ota::hub {
namespace {

std::string_view name_of(Route route) {
  switch (route) {
    case Route::Unknown:
      return "unknown";
    case Route::Devices:
      return "devices";
    case Route::Twins:
      return "twins";
    case Route::Configurations:
      return "configurations";
    case Route::Jobs:
      return "jobs";
    case Route::Enrollments:
      return "enrollments";
    case Route::Blobs:
      return "blobs";
    case Route::WebSocket:
      return "websocket";
    case Route::Health:
      return "health";
    case Route::Metrics:
      return "metrics";
  }
  return "unknown";
}

/// Texts of CONNACK's codes, as labels.
constexpr std::array<std::string_view, 6> kRefusals = {
    "accepted",           "wrong_protocol_level",      "identifier_rejected",
    "server_unavailable", "bad_user_name_or_password", "not_authorized"};

class Page {
 public:
  void gauge(std::string_view name, std::string_view help) { family(name, "gauge", help); }
  void counter(std::string_view name, std::string_view help) { family(name, "counter", help); }

  void sample(double value, std::string_view labels = {}) {
    std::array<char, 32> text{};
    const bool whole = value == std::floor(value) && std::abs(value) < 9e15;
    const auto end =
        whole ? std::to_chars(text.data(), text.data() + text.size(), std::llround(value)).ptr
              : std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    text_ += name_;
    if (!labels.empty()) text_ += "{" + std::string(labels) + "}";
    text_ += " " + std::string(text.data(), end) + "\n";
  }
  void sample(std::uint64_t value, std::string_view labels = {}) {
    sample(static_cast<double>(value), labels);
  }

  std::string take() { return std::move(text_); }

 private:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += "# HELP " + name_ + " " + std::string(help) + "\n";
    text_ += "# TYPE " + name_ + " " + std::string(type) + "\n";
  }

  std::string text_;
  std::string name_;
};

void write_connections(const Snapshot& s, Page& page) {
  page.gauge("mcu_ota_hub_connections", "Open connections by listener.");
  page.sample(s.mqtt_connections, R"(listener="mqtt")");
  page.sample(s.https_connections, R"(listener="https")");
  page.sample(s.http_connections, R"(listener="http")");
  page.gauge("mcu_ota_hub_mqtt_sessions", "MQTT clients that have logged in, by service.");
  page.sample(s.mqtt.hub.connected, R"(service="iothub")");
  page.sample(s.mqtt.dps.connected, R"(service="dps")");
  page.counter("mcu_ota_hub_mqtt_logins_total", "MQTT logins that were accepted, by service.");
  page.sample(s.mqtt.hub.logins, R"(service="iothub")");
  page.sample(s.mqtt.dps.logins, R"(service="dps")");
  page.counter("mcu_ota_hub_mqtt_refusals_total",
               "MQTT logins that were refused, by service and CONNACK's reason.");
  for (std::size_t code = 1; code < kRefusals.size(); ++code) {
    const std::string reason = R"(reason=")" + std::string(kRefusals[code]) + R"(")";
    page.sample(s.mqtt.hub.refusals[code], R"(service="iothub",)" + reason);
    page.sample(s.mqtt.dps.refusals[code], R"(service="dps",)" + reason);
  }
}

void write_messages(const Snapshot& s, Page& page) {
  page.counter("mcu_ota_hub_mqtt_messages_total", "MQTT PUBLISH packets, by direction.");
  page.sample(s.mqtt.messages_in, R"(direction="in")");
  page.sample(s.mqtt.messages_out, R"(direction="out")");
  page.counter("mcu_ota_hub_telemetry_messages_total", "Device-to-cloud messages.");
  page.sample(s.mqtt.telemetry);
  page.counter("mcu_ota_hub_telemetry_bytes_total", "Payload of device-to-cloud messages.");
  page.sample(s.mqtt.telemetry_bytes);
  page.counter("mcu_ota_hub_twin_operations_total", "Twin operations of devices, by kind.");
  page.sample(s.mqtt.twin_reads, R"(operation="get")");
  page.sample(s.mqtt.twin_patches, R"(operation="patch_reported")");
  page.sample(s.mqtt.desired_patches, R"(operation="notify_desired")");
  page.counter("mcu_ota_hub_twin_refusals_total", "Twin operations of devices that failed.");
  page.sample(s.mqtt.twin_refusals);
  page.gauge("mcu_ota_hub_mqtt_kept_sessions", "MQTT sessions kept for the next connection.");
  page.sample(s.kept_sessions);
  page.gauge("mcu_ota_hub_mqtt_unacknowledged_messages",
             "Messages in kept MQTT sessions that the device has not acknowledged.");
  page.sample(s.unacknowledged_messages);
}

void write_http(const Snapshot& s, Page& page) {
  page.counter("mcu_ota_hub_http_requests_total", "HTTP answers by route and status.");
  for (const auto& [key, count] : s.http.answers) {
    page.sample(count, R"(route=")" + std::string(name_of(key.first)) + R"(",status=")" +
                           std::to_string(key.second) + R"(")");
  }
  page.counter("mcu_ota_hub_blob_bytes_total", "Bodies of blob requests, by direction.");
  page.sample(s.http.blob_bytes_in, R"(direction="in")");
  page.sample(s.http.blob_bytes_out, R"(direction="out")");
}

void write_process(const Snapshot& s, Page& page) {
  page.counter("mcu_ota_hub_sqlite_statement_steps_total", "Steps of SQLite statements.");
  page.sample(s.core.sqlite_steps);
  page.counter("mcu_ota_hub_sqlite_seconds_total", "Time spent in SQLite.");
  page.sample(s.core.sqlite_s);
  page.gauge("mcu_ota_hub_certificate_end_seconds",
             "When the server certificate ends, in Unix seconds.");
  page.sample(static_cast<double>(s.certificate_end));
  page.gauge("mcu_ota_hub_uptime_seconds", "Time since the hub started.");
  page.sample(static_cast<double>(s.now - s.started));
  page.gauge("process_start_time_seconds", "Start of the process in Unix seconds.");
  page.sample(static_cast<double>(s.started));
  page.counter("process_cpu_seconds_total", "User and system time of the process.");
  page.sample(s.process.cpu_s);
  page.gauge("process_resident_memory_bytes", "Resident memory of the process.");
  page.sample(s.process.resident_bytes);
  page.gauge("process_open_fds", "Open descriptors of the process.");
  page.sample(s.process.open_descriptors);
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

void HttpCounters::add(const Served& served) {
  const auto route = static_cast<Route>(served.route);
  ++answers[{route, served.status}];
  if (route != Route::Blobs) return;
  blob_bytes_in += served.bytes_in;
  blob_bytes_out += served.bytes_out;
}

ProcessFigures ProcessFigures::read() {
  ProcessFigures out;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0)
    out.cpu_s = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  std::uint64_t size_pages = 0, resident_pages = 0;  // proc(5), statm
  std::ifstream("/proc/self/statm") >> size_pages >> resident_pages;
  out.resident_bytes = resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::error_code no_proc;
  const std::filesystem::directory_iterator descriptors("/proc/self/fd", no_proc);
  if (!no_proc)
    out.open_descriptors =
        static_cast<std::uint64_t>(std::distance(begin(descriptors), end(descriptors)));
  return out;
}

std::string exposition(const Snapshot& snapshot) {
  Page page;
  write_connections(snapshot, page);
  write_messages(snapshot, page);
  write_http(snapshot, page);
  write_process(snapshot, page);
  return page.take();
}

}  // namespace ota::hub
