#pragma once

#include <string>

namespace ota::net {

/// A PUBLISH that a session wants sent, always with QoS 1.
struct Publish {
  std::string topic;
  std::string payload;
};

}  // namespace ota::net
