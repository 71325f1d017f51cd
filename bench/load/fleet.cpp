#include "bench/load/fleet.hpp"

#include <fmt/core.h>

#include <chrono>
#include <utility>

#include "base/encoding.hpp"
#include "contract/azure/sas.hpp"
#include "contract/azure/topics.hpp"

namespace ota::bench {
namespace {

constexpr std::chrono::milliseconds kPauseAfterRefusal{20};
constexpr contract::UnixSeconds kTokenLifeS = 3600;

contract::UnixSeconds wall_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

std::string device_name(std::size_t index) { return fmt::format("load-{:05}", index); }

std::string device_key(const Target& target, std::string_view name) {
  const auto key = from_base64(contract::derive_device_key(bytes_of(target.owner_key), name));
  return std::string(text_of(key.value()));
}

Fleet::Fleet(boost::asio::io_context& loop, std::shared_ptr<SSL_CTX> context, const Target& target)
    : loop_(loop), context_(std::move(context)), target_(target), pause_(loop) {}

void Fleet::connect(const Storm& storm, std::function<void()> done) {
  storm_ = storm;
  done_ = std::move(done);
  if (members_.size() < storm.devices) members_.resize(storm.devices);
  waiting_.clear();
  for (std::size_t device = storm.devices; device-- > 0;) {
    if (members_[device].stage == Stage::Offline) waiting_.push_back(device);
  }
  start_more();
}

void Fleet::start_more() {
  if (pausing_) return;
  while (!waiting_.empty() && connecting_ < storm_.at_once) {
    const std::size_t device = waiting_.back();
    waiting_.pop_back();
    start(device);
  }
  if (waiting_.empty() && connecting_ == 0 && done_) std::exchange(done_, nullptr)();
}

void Fleet::start(std::size_t device) {
  Member& member = members_[device];
  member.stage = Stage::Connecting;
  member.input.clear();
  ++connecting_;
  member.link = std::make_shared<TlsLink>(
      loop_, context_.get(),
      TlsLink::Events{[this, device] { members_[device].link->send(first_packets(device)); },
                      [this, device](std::string_view bytes) { received(device, bytes); },
                      [this, device](const std::string& reason) { lost(device, reason); }});
  member.link->open(target_.mqtt);
}

/// CONNECT and SUBSCRIBE in one piece: a client may send before it knows the answer.
std::string Fleet::first_packets(std::size_t device) const {
  const std::string name = device_name(device);
  if (target_.server == Server::Broker) {
    return connect_packet({.client_id = name, .user_name = {}, .password = {}}) +
           subscribe_packet({name + "/down"});
  }
  const std::string key = device_key(target_, name);
  const std::string user = contract::hub_user_name(target_.hub_name, name, "load");
  const std::string token = contract::make_hub_sas(target_.hub_name + "/devices/" + name,
                                                   bytes_of(key), wall_now() + kTokenLifeS);
  return connect_packet({.client_id = name, .user_name = user, .password = token}) +
         subscribe_packet({std::string(contract::topic::kDesiredPatches),
                           std::string(contract::topic::kTwinResponses)});
}

void Fleet::received(std::size_t device, std::string_view bytes) {
  std::string& input = members_[device].input;
  input += bytes;
  std::string_view rest = input;
  while (const auto packet = first_packet(rest)) {
    handle(device, *packet);
    rest.remove_prefix(packet->size_bytes);
  }
  input = std::string(rest);
}

void Fleet::handle(std::size_t device, const Packet& packet) {
  constexpr unsigned kConnAck = 2;
  constexpr unsigned kSubAck = 9;
  if (packet.type == kConnAck && (packet.rest.size() != 2 || packet.rest[1] != '\0')) {
    members_[device].link->close();
    return lost(device, "CONNACK with a refusal");
  }
  if (packet.type == kSubAck) return become_ready(device);
  if (members_[device].stage == Stage::Ready && message_) message_(device, packet);
}

void Fleet::become_ready(std::size_t device) {
  members_[device].stage = Stage::Ready;
  ++ready_;
  --connecting_;
  start_more();
}

void Fleet::lost(std::size_t device, const std::string& reason) {
  const Stage before = std::exchange(members_[device].stage, Stage::Offline);
  if (before == Stage::Ready) {
    --ready_;
    if (drop_) drop_();
    return;
  }
  ++refusals_;
  last_refusal_ = reason;
  --connecting_;
  waiting_.push_back(device);
  if (std::exchange(pausing_, true)) return;
  pause_.expires_after(kPauseAfterRefusal);
  pause_.async_wait([this](boost::system::error_code) {
    pausing_ = false;
    start_more();
  });
}

void Fleet::close_all() {
  for (Member& member : members_) {
    if (member.link) member.link->close();
    member = {};
  }
  ready_ = 0;
}

}  // namespace ota::bench
