#pragma once

// What the MQTT sessions of a hub count together; they only grow, but for the two of connections.

#include <array>
#include <cstdint>

#include "cloud/hub/mqtt/packet.hpp"

namespace ota::hub::mqtt {

struct ServiceCounters {
  std::uint64_t logins = 0;
  std::array<std::uint64_t, 6> refusals{};  // by ConnectReturn
  std::uint64_t connected = 0;              // now
};

struct Counters {
  ServiceCounters hub;  // also of clients whose user name has no form of either
  ServiceCounters dps;
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
  std::uint64_t telemetry = 0;
  std::uint64_t telemetry_bytes = 0;
  std::uint64_t twin_reads = 0;
  std::uint64_t twin_patches = 0;
  std::uint64_t twin_refusals = 0;
  std::uint64_t desired_patches = 0;
};

}  // namespace ota::hub::mqtt
