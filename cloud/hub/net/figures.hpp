#pragma once

// What Prometheus reads from /metrics (text format 0.0.4). Labels have a fixed set of values, never
// a device's name: the page stays small, and tells nothing that a stranger could use.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "cloud/hub/core/core.hpp"
#include "cloud/hub/http/exchange.hpp"
#include "cloud/hub/mqtt/counters.hpp"

namespace ota::hub {

/// Which part of the hub a request is for.
enum class Route : std::uint8_t {
  Unknown,  // also what is no HTTP request
  Devices,
  Twins,
  Configurations,
  Jobs,
  Enrollments,
  Blobs,
  WebSocket,
  Health,
  Metrics,
};

struct HttpCounters {
  std::map<std::pair<Route, int>, std::uint64_t> answers;  // by route and status
  std::uint64_t blob_bytes_in = 0;
  std::uint64_t blob_bytes_out = 0;

  void add(const Served& served);
};

/// Of the whole process; read when they are asked for.
struct ProcessFigures {
  double cpu_s = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_descriptors = 0;

  static ProcessFigures read();
};

struct Snapshot {
  const mqtt::Counters& mqtt;
  const HttpCounters& http;
  CoreFigures core;
  ProcessFigures process;
  std::uint64_t mqtt_connections = 0;
  std::uint64_t https_connections = 0;
  std::uint64_t http_connections = 0;
  std::uint64_t kept_sessions = 0;
  std::uint64_t unacknowledged_messages = 0;
  std::int64_t started = 0;          // Unix seconds
  std::int64_t now = 0;              // Unix seconds
  std::int64_t certificate_end = 0;  // Unix seconds
};

std::string exposition(const Snapshot& snapshot);

}  // namespace ota::hub
