// Load for a local hub, or for a plain MQTT broker beside it: thousands of TLS devices and a few
// operators in one process. It shares nothing with the hub but the contract (topics, tokens).
//
// Reads commands from standard input, one a line, and answers each with one JSON line. Its partner
// bench/hub_figures.py measures the server's processor time and memory around them.
//
//   create N            identities of the first N devices
//   connect N M         connect and subscribe the first N, M at a time
//   push N              N times: change one device's twin, wait until the device has it
//   patch N M           N twin patches by REST over M connections
//   report N M          N reported patches by M devices at a time, each one acknowledged
//   telemetry N M       N messages with QoS 1 by M devices at a time, each one acknowledged
//   deploy ID           create a configuration for all devices, wait until each one has its content
//   dropped             wait until the server has ended all connections
//   close               end all connections
//
// usage: hub_load hub|broker ADDRESS MQTT_PORT HTTPS_PORT CA_FILE
// The environment's IOTHUB_CONNECTION_STRING says how to log in.

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <sstream>
#include <vector>

#include "base/encoding.hpp"
#include "bench/load/fleet.hpp"
#include "bench/load/rest_link.hpp"
#include "contract/azure/topics.hpp"

namespace ota::bench {
namespace {

using Clock = std::chrono::steady_clock;
using boost::asio::ip::tcp;

constexpr std::string_view kIdentity =
    R"({{"deviceId":"{0}","authentication":{{"type":"sas",)"
    R"("symmetricKey":{{"primaryKey":"{1}","secondaryKey":"{1}"}}}}}})";
constexpr std::string_view kTwinPatch = R"({{"properties":{{"desired":{{"load":{{"n":{}}}}}}}}})";
constexpr std::string_view kReport = R"({{"load":{{"n":{}}}}})";
// The condition is a real one: it looks into the tags of each device.
constexpr std::string_view kConfiguration =
    R"~({{"id":"{0}","schemaVersion":"1.0","priority":1,)~"
    R"~("targetCondition":"NOT is_defined(tags.retired)",)~"
    R"~("content":{{"deviceContent":{{"properties.desired.loadConfiguration":"{0}"}}}}}})~";

// A case that needs longer has failed.
constexpr std::chrono::seconds kCaseTimeout{60};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "hub_load: {}\n", why);
  std::exit(1);
}

void print_line(const std::string& json) {
  fmt::print("{}\n", json);
  std::fflush(stdout);
}

class Load {
 public:
  Load(Target target, const std::string& ca_file)
      : target_(std::move(target)),
        context_(client_context(ca_file)),
        fleet_(loop_, context_, target_) {}

  void create(std::size_t count);
  void connect(std::size_t count, std::size_t at_once);
  void push(std::size_t count);
  void patch(std::size_t count, std::size_t connections);
  void report(std::size_t count, std::size_t at_once);
  void telemetry(std::size_t count, std::size_t at_once);
  void deploy(const std::string& id);
  void dropped();
  void close() {
    operators_.clear();
    fleet_.close_all();
    print_line("{}");
  }

 private:
  using Send = std::function<std::string(std::size_t device, std::size_t number)>;
  double exchange(std::size_t count, std::size_t at_once, const Send& packet_for,
                  const std::function<bool(const Packet&)>& is_answer);
  void run_until(const std::function<bool()>& done, const std::string& what);
  RestLink& connected_operator(std::size_t index);
  void send_push(std::size_t device, std::size_t number, bool& answered);
  double push_once(std::size_t number);
  void open_publisher();

  Target target_;
  boost::asio::io_context loop_{1};
  std::shared_ptr<SSL_CTX> context_;
  Fleet fleet_;
  std::vector<std::unique_ptr<RestLink>> operators_;
  std::shared_ptr<TlsLink> publisher_;  // the broker's counterpart of an operator
};

void Load::run_until(const std::function<bool()>& done, const std::string& what) {
  const auto end = Clock::now() + kCaseTimeout;
  while (!done()) {
    if (loop_.stopped()) loop_.restart();
    if (loop_.run_one_until(end) == 0 && Clock::now() >= end) {
      give_up(fmt::format("{}: not done within {} s; {} devices connected, {} refusals ({})", what,
                          kCaseTimeout.count(), fleet_.ready(), fleet_.refusals(),
                          fleet_.last_refusal()));
    }
  }
}

RestLink& Load::connected_operator(std::size_t index) {
  if (operators_.size() <= index) operators_.resize(index + 1);
  auto& place = operators_[index];
  if (!place || place->ended()) {
    place = std::make_unique<RestLink>(loop_, context_.get(), target_);
  }
  return *place;
}

// ---- Identities and connections ----

void Load::create(std::size_t count) {
  const auto begin = Clock::now();
  std::size_t done = 0;
  std::function<void(int)> next = [&](int status) {
    if (status != 200 && status != 409) give_up(fmt::format("create: status {}", status));
    if (++done == count) return;
    const std::string name = device_name(done);
    const std::string key = to_base64(bytes_of(device_key(target_, name)));
    const std::string body = fmt::format(kIdentity, name, key);
    connected_operator(0).ask({"PUT", "devices/" + name, body}, next);
  };
  --done;  // The first call only starts the chain.
  next(200);
  run_until([&] { return done == count; }, "create");
  print_line(fmt::format(R"({{"seconds":{:.6f}}})", seconds_since(begin)));
}

void Load::connect(std::size_t count, std::size_t at_once) {
  const auto begin = Clock::now();
  const std::size_t before = fleet_.ready();
  const std::size_t refusals = fleet_.refusals();
  bool done = false;
  fleet_.connect({.devices = count, .at_once = at_once}, [&] { done = true; });
  run_until([&] { return done; }, "connect");
  print_line(fmt::format(R"({{"connected":{},"refusals":{},"seconds":{:.6f}}})",
                         fleet_.ready() - before, fleet_.refusals() - refusals,
                         seconds_since(begin)));
}

void Load::dropped() {
  const auto begin = Clock::now();
  run_until([&] { return fleet_.ready() == 0; }, "dropped");
  operators_.clear();
  print_line(fmt::format(R"({{"seconds":{:.6f}}})", seconds_since(begin)));
}

// ---- From an operator to a device ----

void Load::open_publisher() {
  if (publisher_) return;
  bool open = false;
  publisher_ = std::make_shared<TlsLink>(
      loop_, context_.get(),
      TlsLink::Events{[&] {
                        publisher_->send(connect_packet(
                            {.client_id = "publisher", .user_name = {}, .password = {}}));
                      },
                      [&open](std::string_view) { open = true; },
                      {}});
  publisher_->open(target_.mqtt);
  run_until([&] { return open; }, "publisher");
}

void Load::send_push(std::size_t device, std::size_t number, bool& answered) {
  const std::string name = device_name(device);
  if (target_.server == Server::Broker) {
    publisher_->send(publish_packet(name + "/down", fmt::format(kReport, number), 0));
    answered = true;
    return;
  }
  connected_operator(0).ask({"PATCH", "twins/" + name, fmt::format(kTwinPatch, number)},
                            [&answered](int status) {
                              if (status != 200) give_up(fmt::format("push: status {}", status));
                              answered = true;
                            });
}

/// Seconds until the device has it. The answer to the operator is waited for as well.
double Load::push_once(std::size_t number) {
  const std::size_t device = (number * 7919) % fleet_.ready();
  const std::string mark = fmt::format(R"("n":{}}})", number);
  bool answered = false;
  double latency = 0;
  Clock::time_point begin;
  fleet_.on_message([&](std::size_t at, const Packet& packet) {
    if (at == device && packet.rest.find(mark) != std::string_view::npos) {
      latency = seconds_since(begin);
    }
  });
  begin = Clock::now();
  send_push(device, number, answered);
  run_until([&] { return answered && latency > 0; }, "push");
  fleet_.on_message(nullptr);
  return latency;
}

void Load::push(std::size_t count) {
  if (target_.server == Server::Broker) open_publisher();
  push_once(0);  // The operator's own connection is not part of it.
  std::vector<double> seconds;
  for (std::size_t number = 1; number <= count; ++number) seconds.push_back(push_once(number));
  std::sort(seconds.begin(), seconds.end());
  print_line(fmt::format(R"({{"count":{},"p50_ms":{:.4f},"p99_ms":{:.4f},"max_ms":{:.4f}}})", count,
                         seconds[count / 2] * 1e3, seconds[count * 99 / 100] * 1e3,
                         seconds.back() * 1e3));
}

void Load::patch(std::size_t count, std::size_t connections) {
  const auto begin = Clock::now();
  std::size_t sent = 0;
  std::size_t done = 0;
  std::function<void(std::size_t)> ask_next = [&](std::size_t index) {
    if (sent == count) return;
    const std::size_t number = ++sent;
    connected_operator(index).ask(
        {"PATCH", "twins/" + device_name(number % std::max<std::size_t>(fleet_.ready(), 1)),
         fmt::format(kTwinPatch, number)},
        [&, index](int status) {
          if (status != 200) give_up(fmt::format("patch: status {}", status));
          ++done;
          ask_next(index);
        });
  };
  for (std::size_t index = 0; index < connections; ++index) ask_next(index);
  run_until([&] { return done == count; }, "patch");
  print_line(fmt::format(R"({{"count":{},"seconds":{:.6f}}})", count, seconds_since(begin)));
}

void Load::deploy(const std::string& id) {
  const std::string mark = fmt::format(R"("loadConfiguration":"{}")", id);
  std::vector<bool> has_it(fleet_.ready());
  std::size_t reached = 0;
  fleet_.on_message([&](std::size_t device, const Packet& packet) {
    if (packet.rest.find(mark) == std::string_view::npos || has_it[device]) return;
    has_it[device] = true;
    ++reached;
  });
  RestLink& by = connected_operator(0);
  const auto begin = Clock::now();
  double answered_s = 0;
  by.ask({"PUT", "configurations/" + id, fmt::format(kConfiguration, id)}, [&](int status) {
    if (status != 200) give_up(fmt::format("deploy: status {}", status));
    answered_s = seconds_since(begin);
  });
  run_until([&] { return answered_s > 0 && reached == has_it.size(); }, "deploy");
  print_line(fmt::format(R"({{"reached":{},"answered_s":{:.6f},"seconds":{:.6f}}})", reached,
                         answered_s, seconds_since(begin)));
  fleet_.on_message(nullptr);
}

// ---- From devices ----

/// `at_once` devices have one packet under way each, until `count` are answered.
double Load::exchange(std::size_t count, std::size_t at_once, const Send& packet_for,
                      const std::function<bool(const Packet&)>& is_answer) {
  std::size_t sent = 0;
  std::size_t done = 0;
  const auto send_next = [&] {
    if (sent == count) return;
    ++sent;
    const std::size_t device = sent % fleet_.ready();
    fleet_.send(device, packet_for(device, sent));
  };
  fleet_.on_message([&](std::size_t, const Packet& packet) {
    if (!is_answer(packet)) return;
    ++done;
    send_next();
  });
  const auto begin = Clock::now();
  for (std::size_t i = 0; i < std::min(at_once, fleet_.ready()); ++i) send_next();
  run_until([&] { return done == count; }, "exchange");
  fleet_.on_message(nullptr);
  return seconds_since(begin);
}

void Load::report(std::size_t count, std::size_t at_once) {
  const double seconds = exchange(
      count, at_once,
      [](std::size_t, std::size_t number) {
        return publish_packet(contract::reported_patch_topic(std::to_string(number)),
                              fmt::format(kReport, number), 0);
      },
      [](const Packet& packet) {
        const auto response = contract::parse_twin_response(packet.topic);
        if (response && response->status != 204) {
          give_up(fmt::format("report: status {}", response->status));
        }
        return response.has_value();
      });
  print_line(fmt::format(R"({{"count":{},"seconds":{:.6f}}})", count, seconds));
}

void Load::telemetry(std::size_t count, std::size_t at_once) {
  const double seconds = exchange(
      count, at_once,
      [this](std::size_t device, std::size_t number) {
        const std::string name = device_name(device);
        const std::string topic =
            target_.server == Server::Broker ? name + "/up" : contract::telemetry_topic(name, {});
        return publish_packet(topic, fmt::format(kReport, number), 1);
      },
      [](const Packet& packet) {
        constexpr unsigned kPubAck = 4;
        return packet.type == kPubAck;
      });
  print_line(fmt::format(R"({{"count":{},"seconds":{:.6f}}})", count, seconds));
}

// ---- Commands ----

bool run_command(Load& load, const std::string& line) {
  std::istringstream words(line);
  std::string verb;
  std::string first;
  std::size_t at_once = 1;
  words >> verb >> first >> at_once;
  const std::size_t count = std::strtoul(first.c_str(), nullptr, 10);
  if (verb == "create") {
    load.create(count);
  } else if (verb == "connect") {
    load.connect(count, at_once);
  } else if (verb == "push") {
    load.push(count);
  } else if (verb == "patch") {
    load.patch(count, at_once);
  } else if (verb == "report") {
    load.report(count, at_once);
  } else if (verb == "telemetry") {
    load.telemetry(count, at_once);
  } else if (verb == "deploy") {
    load.deploy(first);
  } else if (verb == "dropped") {
    load.dropped();
  } else if (verb == "close") {
    load.close();
  } else {
    return false;
  }
  return true;
}

/// The value of a field of a connection string, "HostName=..;SharedAccessKey=..".
std::string field_of(std::string_view text, std::string_view name) {
  const auto at = text.find(std::string(name) + "=");
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + name.size() + 1);
  return std::string(rest.substr(0, rest.find(';')));
}

std::optional<Target> target_of(const std::vector<std::string>& arguments) {
  if (arguments.size() != 5) return std::nullopt;
  boost::system::error_code code;
  const auto address = boost::asio::ip::make_address(arguments[1], code);
  if (code || (arguments[0] != "hub" && arguments[0] != "broker")) return std::nullopt;
  const auto port = [&](std::size_t index) {
    return static_cast<std::uint16_t>(std::strtoul(arguments[index].c_str(), nullptr, 10));
  };
  Target target;
  target.server = arguments[0] == "hub" ? Server::Hub : Server::Broker;
  target.mqtt = {address, port(2)};
  target.https = {address, port(3)};
  const char* login = std::getenv("IOTHUB_CONNECTION_STRING");
  if (login == nullptr) return target;
  target.hub_name = field_of(login, "HostName");
  const auto key = from_base64(field_of(login, "SharedAccessKey"));
  if (key) target.owner_key = text_of(*key);
  return target;
}

int run(const std::vector<std::string>& arguments) {
  const auto target = target_of(arguments);
  if (!target) {
    fmt::print(stderr, "usage: hub_load hub|broker ADDRESS MQTT_PORT HTTPS_PORT CA_FILE\n");
    return 2;
  }
  Load load(*target, arguments[4]);
  for (std::string line; std::getline(std::cin, line);) {
    if (run_command(load, line)) continue;
    fmt::print(stderr, "hub_load: unknown command '{}'\n", line);
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace ota::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to the descriptor without MSG_NOSIGNAL.
  return ota::bench::run(std::vector<std::string>(argv + 1, argv + argc));
}
