#include "cloud/hub/mqtt/session.hpp"

#include <algorithm>
#include <utility>

namespace ota::hub::mqtt {
namespace {

using contract::UnixSeconds;

// Java's SDK begins to wait for an answer after it has sent the request, and misses one that is
// there before; then it waits for a minute. The cloud is never that fast.
constexpr std::chrono::milliseconds kDpsAnswerDelay{50};
constexpr std::size_t kDpsAnswersMax = 16;  // beyond that the client gets them at once

Duration keep_alive_timeout(std::uint16_t keep_alive_s) {
  const std::chrono::milliseconds allowed(keep_alive_s * 1500);
  if (keep_alive_s == 0 || allowed > kKeepAliveTimeoutMax) return kKeepAliveTimeoutMax;
  return allowed;
}

/// Wall clocks jump, so a long wait is cut into pieces of at most an hour.
Duration until_expiry_check(UnixSeconds left_s) {
  return std::chrono::seconds(std::clamp<UnixSeconds>(left_s, 1, 3600));
}

ConnectReturn connect_return(LoginRefusal refusal) {
  switch (refusal) {
    case LoginRefusal::IdentifierRejected:
      return ConnectReturn::IdentifierRejected;
    case LoginRefusal::Throttled:
      return ConnectReturn::ServerUnavailable;
    case LoginRefusal::NotAuthorized:
      break;
  }
  return ConnectReturn::NotAuthorized;
}

std::string with_property(std::string properties, std::string_view property) {
  if (!properties.empty()) properties += '&';
  return properties += property;
}

}  // namespace

std::optional<std::string> will_properties(const Will& will, std::string_view device_id) {
  if (will.qos > 1 || will.payload.size() > kPayloadBytesMax) return std::nullopt;
  const auto meaning = contract::parse_device_message(will.topic);
  if (!meaning) return std::nullopt;
  const auto* telemetry = std::get_if<contract::TelemetryMessage>(&*meaning);
  if (telemetry == nullptr || telemetry->device_id != device_id || !telemetry->module_id.empty())
    return std::nullopt;
  std::string properties = with_property(telemetry->properties, "iothub-MessageType=Will");
  return will.retain ? with_property(std::move(properties), "mqtt-retain=true") : properties;
}

Session::Session(Core& core, SessionMemory& memory, const std::function<UnixSeconds()>& wall_clock,
                 Peer peer, Instant now)
    : core_(core), memory_(memory), wall_clock_(wall_clock), last_packet_(now), now_(now) {
  if (peer.certificate)
    certificate_ = std::make_unique<ClientCertificate>(std::move(*peer.certificate));
}

// ---- Bytes and time ----

void Session::feed(Bytes received, Instant now) {
  now_ = now;
  Bytes rest = received;
  if (!input_.empty()) {
    input_ += text_of(received);
    rest = bytes_of(input_);
  }
  while (!closing_) {
    const auto frame =
        first_frame(rest, service_ == Service::None ? kConnectBodyBytesMax : kPacketBodyBytesMax);
    if (!frame) return end_after_patches(frame.error());
    if (!frame.value()) break;
    last_packet_ = now;
    handle(*frame.value(), now);
    rest = rest.subspan(frame.value()->size_bytes);
  }
  input_ = closing_ ? std::string() : std::string(text_of(rest));
}

void Session::sent(std::size_t size_bytes, Instant) {
  output_.consume(size_bytes);
  if (output_.empty()) use_room();
}

void Session::use_room() {
  if (std::exchange(more_waits_, false)) core_.listening(id_);
}

std::optional<Instant> Session::deadline() const {
  if (closing_) return std::nullopt;
  Instant next = last_packet_ + silence_max_;
  if (expiry_check_) next = std::min(next, *expiry_check_);
  if (!dps_answers_.empty()) next = std::min(next, dps_answers_.front().due);
  return next;
}

void Session::tick(Instant now) {
  now_ = now;
  if (closing_) return;
  send_dps_answers(now);
  if (now >= last_packet_ + silence_max_) {
    return end(service_ == Service::None ? "no CONNECT in time" : "keep-alive time-out");
  }
  if (!expiry_check_ || now < *expiry_check_) return;
  const UnixSeconds left = *expires_ - wall_clock_();
  if (left <= 0) return end("the token has expired");
  expiry_check_ = now + until_expiry_check(left);
}

void Session::stop(Instant) {
  send_dps_answers(Instant::max());
  // The hub's own end is no death of the device: no will.
  will_.reset();
  end("the hub stops");
}

ServiceCounters& Session::counters_of(Service service) const {
  return service == Service::Dps ? memory_.counters.dps : memory_.counters.hub;
}

void Session::gone() {
  self_.reset();
  if (service_ == Service::None) return;
  --counters_of(service_).connected;
  if (std::exchange(service_, Service::None) != Service::Hub) return;
  if (will_) core_.telemetry(id_, will_properties(*will_, id_).value_or(""), will_->payload);
  core_.disconnected(id_, *this);
}

std::size_t Session::waiting_bytes() const {
  std::size_t waiting = output_.size();
  if (!state_) return waiting;
  for (const Unacknowledged& message : state_->unacknowledged) waiting += message.payload.size();
  return waiting;
}

void Session::send(std::string_view packet) {
  if (closing_) return;
  const bool too_many = state_ && state_->unacknowledged.size() > kUnacknowledgedMax;
  if (too_many || waiting_bytes() + packet.size() > kWaitingBytesMax) {
    output_.clear();
    // Else the same flood would wait for the next connection; the device asks for the whole twin
    // then.
    if (state_) state_->unacknowledged.clear();
    return end("the client does not take or acknowledge what it is sent");
  }
  output_.append(packet);
}

void Session::end(std::string_view reason) {
  if (closing_) return;
  closing_ = true;
  close_reason_ = reason;
  state_.reset();  // A newer connection of this device may own it already.
  wake();
}

void Session::close(std::string_view reason) { end(reason); }

// ---- Packets ----

void Session::handle(const Frame& frame, Instant now) {
  if (service_ != Service::None) return handle_connected(frame);
  if (frame.type != static_cast<std::uint8_t>(PacketType::Connect))
    return end("the first packet is not CONNECT");
  const auto connect = parse_connect(frame);
  if (!connect) return end(connect.error());
  handle_connect(connect.value(), now);
}

void Session::handle_connected(const Frame& frame) {
  if (frame.type != static_cast<std::uint8_t>(PacketType::Publish)) finish_patches();
  switch (frame.type) {
    case static_cast<std::uint8_t>(PacketType::Publish): {
      const auto message = parse_publish(frame);
      return message ? handle_publish(message.value()) : end_after_patches(message.error());
    }
    case static_cast<std::uint8_t>(PacketType::PubAck): {
      const auto packet_id = parse_puback(frame);
      return packet_id ? handle_puback(packet_id.value()) : end(packet_id.error());
    }
    case static_cast<std::uint8_t>(PacketType::Subscribe): {
      const auto request = parse_subscribe(frame);
      return request ? handle_subscribe(request.value()) : end(request.error());
    }
    case static_cast<std::uint8_t>(PacketType::Unsubscribe): {
      const auto request = parse_unsubscribe(frame);
      return request ? handle_unsubscribe(request.value()) : end(request.error());
    }
    case static_cast<std::uint8_t>(PacketType::PingReq):
      return frame.flags == 0 && frame.body.empty() ? send(pingresp()) : end("malformed PINGREQ");
    case static_cast<std::uint8_t>(PacketType::Disconnect):
      if (frame.flags == 0 && frame.body.empty()) will_.reset();
      return end("the client has disconnected");
    case static_cast<std::uint8_t>(PacketType::Connect):
      return end("a second CONNECT");
    default:
      return end("a packet that clients do not send");
  }
}

// ---- Login ----

void Session::handle_connect(const Connect& connect, Instant now) {
  if (connect.level != 4)
    return refuse(ConnectReturn::WrongProtocolLevel, "only MQTT 3.1.1 is spoken here");
  if (connect.client_id.empty())
    return refuse(ConnectReturn::IdentifierRejected, "the client id is empty");
  const Credentials credentials{connect.client_id, connect.password, certificate_.get()};
  const std::string user_name = connect.user_name.value_or("");

  if (const auto dps = contract::parse_dps_user_name(user_name)) {
    if (connect.client_id != dps->registration_id) {
      return refuse(ConnectReturn::IdentifierRejected, "client id and user name differ",
                    Service::Dps);
    }
    if (connect.will) return end("DPS knows no last will");
    auto login = core_.dps_login(*dps, credentials);
    if (!login) return refuse(ConnectReturn::NotAuthorized, "DPS login refused", Service::Dps);
    service_ = Service::Dps;
    password_ = connect.password;
    return accept(connect, std::move(login).value(), now);
  }

  const auto hub = contract::parse_hub_user_name(user_name);
  if (!hub)
    return refuse(ConnectReturn::BadUserNameOrPassword,
                  "the user name has no form of IoT Hub or DPS");
  const std::string expected_id =
      hub->module_id.empty() ? hub->device_id : hub->device_id + "/" + hub->module_id;
  if (connect.client_id != expected_id) {
    return refuse(ConnectReturn::IdentifierRejected, "client id and user name differ");
  }
  if (!hub->module_id.empty())
    return refuse(ConnectReturn::NotAuthorized, "module identities are not supported");
  if (connect.will && !will_properties(*connect.will, hub->device_id)) {
    return end("the last will is not telemetry of this device with QoS 0 or 1");
  }
  auto login = core_.login(*hub, credentials);
  if (!login) {
    return refuse(connect_return(login.error()), "login refused");
  }
  service_ = Service::Hub;
  certificate_.reset();  // It has done its work; an idle connection keeps little.
  accept(connect, std::move(login).value(), now);
}

void Session::refuse(ConnectReturn code, std::string_view reason, Service by) {
  ++counters_of(by).refusals[static_cast<std::size_t>(code)];
  send(connack(code, SessionPresent::No));
  end(reason);
}

void Session::accept(const Connect& connect, Login login, Instant now) {
  ++counters_of(service_).logins;
  ++counters_of(service_).connected;
  id_ = std::move(login.id);
  will_ = connect.will;
  silence_max_ = keep_alive_timeout(connect.keep_alive_s);
  expires_ = login.expires;
  if (expires_) expiry_check_ = now + until_expiry_check(*expires_ - wall_clock_());
  const bool restored = restore(connect);
  send(connack(ConnectReturn::Accepted, restored ? SessionPresent::Yes : SessionPresent::No));
  if (service_ != Service::Hub) return;
  core_.connected(id_, *this);
  if (closing_) return;
  resend_unacknowledged();
  core_.listening(id_);
}

void Session::resend_unacknowledged() {
  auto& waiting = state_->unacknowledged;
  // Cloud-to-device messages have an owner: they may have expired or been purged by now.
  const auto withdrawn = [this](const Unacknowledged& message) {
    return message.sequence != 0 && !core_.redeliver(id_, message.sequence);
  };
  waiting.erase(std::remove_if(waiting.begin(), waiting.end(), withdrawn), waiting.end());
  memory_.counters.messages_out += waiting.size();
  for (const Unacknowledged& message : waiting)
    output_.append(publish({message.topic, message.payload, 1, true, message.packet_id}));
}

bool Session::restore(const Connect& connect) {
  const bool persistent =
      service_ == Service::Hub && !connect.clean_session;  // DPS sessions are always clean.
  state_ = persistent ? memory_.find(id_) : nullptr;
  const bool restored = state_ != nullptr;
  if (!restored) state_ = std::make_shared<SessionState>();
  if (persistent) {
    memory_.keep(id_, state_);
  } else if (service_ == Service::Hub) {
    memory_.forget(id_);
  }
  return restored;
}

// ---- Subscriptions ----

bool Session::may_subscribe(std::string_view filter) const {
  if (service_ == Service::Dps) return filter == contract::topic::kDpsResponses;
  return filter == contract::topic::kTwinResponses || filter == contract::topic::kDesiredPatches ||
         filter == contract::topic::kMethods || filter == contract::devicebound_filter(id_);
}

void Session::handle_subscribe(const Subscribe& request) {
  std::vector<std::uint8_t> granted;
  for (const Subscription& subscription : request.subscriptions) {
    if (!may_subscribe(subscription.filter))
      return end("SUBSCRIBE to a filter that the service does not know");
    granted.push_back(std::min<std::uint8_t>(subscription.qos, 1));
    state_->subscriptions[std::string(subscription.filter)] = granted.back();
  }
  if (request.subscriptions.size() > kSubscriptionsMax ||
      state_->subscriptions.size() > kSubscriptionsMax) {
    return end("too many subscriptions");
  }
  send(suback(request.packet_id, granted));
  if (service_ == Service::Hub && !closing_) core_.listening(id_);
}

void Session::handle_unsubscribe(const Unsubscribe& request) {
  for (const std::string_view filter : request.filters) {
    if (const auto found = state_->subscriptions.find(filter);
        found != state_->subscriptions.end()) {
      state_->subscriptions.erase(found);
    }
  }
  send(unsuback(request.packet_id));
}

void Session::handle_puback(std::uint16_t packet_id) {
  auto& waiting = state_->unacknowledged;
  const auto found = std::find_if(
      waiting.begin(), waiting.end(),
      [packet_id](const Unacknowledged& message) { return message.packet_id == packet_id; });
  if (found == waiting.end()) return;
  const std::uint64_t sequence = found->sequence;
  waiting.erase(found);
  if (sequence != 0) core_.message_completed(id_, sequence);
  use_room();
}

// ---- Messages ----

void Session::handle_publish(const Publish& message) {
  ++memory_.counters.messages_in;
  if (message.payload.size() > kPayloadBytesMax)
    return end_after_patches("the message is larger than 256 KiB");
  const auto meaning = contract::parse_device_message(message.topic);
  if (!meaning) return end_after_patches("PUBLISH to a topic that the service does not know");
  const auto* patch = std::get_if<contract::ReportedPatchRequest>(&*meaning);
  if (patch != nullptr && service_ == Service::Hub) return handle_patch(message, *patch);
  finish_patches();
  if (service_ == Service::Hub) {
    handle_hub(message, *meaning);
  } else {
    handle_dps(message, *meaning);
  }
  // After the work is done: what is acknowledged is stored.
  if (message.qos == 1) send(puback(message.packet_id));
}

/// Answered and acknowledged when it is durable, in the order in which patches came.
void Session::handle_patch(const Publish& message, const contract::ReportedPatchRequest& patch) {
  if (!self_) self_ = std::make_shared<Session*>(this);
  ++patches_waiting_;
  core_.patch_reported(id_, text_of(message.payload), patch.version,
                       [weak = std::weak_ptr<Session*>(self_), request_id = patch.request_id,
                        packet_id = message.packet_id](const Answer& answer) {
                         if (const auto self = weak.lock())
                           (*self)->patch_answered(request_id, packet_id, answer);
                       });
}

void Session::patch_answered(std::string_view request_id, std::uint16_t packet_id,
                             const Answer& answer) {
  --patches_waiting_;
  ++memory_.counters.twin_patches;
  if (answer.status >= 400) ++memory_.counters.twin_refusals;
  if (!request_id.empty()) answer_twin(request_id, answer);
  if (packet_id != 0) send(puback(packet_id));
  wake();
}

/// What follows a patch is done after it, and answered after it.
void Session::finish_patches() {
  if (patches_waiting_ > 0) core_.commit();
}

void Session::end_after_patches(std::string_view reason) {
  finish_patches();
  end(reason);
}

void Session::handle_hub(const Publish& message, const contract::DeviceMessage& meaning) {
  const std::string_view payload = text_of(message.payload);
  if (const auto* get = std::get_if<contract::TwinGetRequest>(&meaning)) {
    ++memory_.counters.twin_reads;
    const Answer answer = core_.get_twin(id_);
    if (answer.status >= 400) ++memory_.counters.twin_refusals;
    return answer_twin(get->request_id, answer);
  }
  if (const auto* telemetry = std::get_if<contract::TelemetryMessage>(&meaning)) {
    if (telemetry->device_id != id_) return end("telemetry in the name of another device");
    if (!telemetry->module_id.empty()) return end("module identities are not supported");
    if (telemetry->properties.size() + payload.size() > kPayloadBytesMax)
      return end("message and properties are larger than 256 KiB");
    ++memory_.counters.telemetry;
    memory_.counters.telemetry_bytes += payload.size();
    const std::string properties = message.retain
                                       ? with_property(telemetry->properties, "mqtt-retain=true")
                                       : telemetry->properties;
    return core_.telemetry(id_, properties, payload);
  }
  if (const auto* response = std::get_if<contract::MethodResponse>(&meaning))
    return core_.method_answered(id_, *response, payload);
  end("a DPS topic on a connection with IoT Hub");
}

void Session::handle_dps(const Publish& message, const contract::DeviceMessage& meaning) {
  if (const auto* request = std::get_if<contract::DpsRegisterRequest>(&meaning)) {
    const Credentials credentials{id_, password_, certificate_.get()};
    return answer_dps(request->request_id,
                      core_.dps_register(id_, credentials, text_of(message.payload)));
  }
  if (const auto* request = std::get_if<contract::DpsStatusRequest>(&meaning)) {
    return answer_dps(request->request_id, core_.dps_status(id_, request->operation_id));
  }
  end("an IoT Hub topic on a connection with DPS");
}

void Session::answer_twin(std::string_view request_id, const Answer& answer) {
  const contract::TwinResponse response{answer.status, std::string(request_id), answer.version};
  publish_to(contract::topic::kTwinResponses, contract::twin_response_topic(response), answer.body);
}

void Session::answer_dps(std::string_view request_id, const Answer& answer) {
  const contract::DpsResponse response{answer.status, std::string(request_id),
                                       answer.retry_after_s};
  dps_answers_.push_back(
      {now_ + kDpsAnswerDelay, contract::dps_response_topic(response), answer.body});
  if (dps_answers_.size() > kDpsAnswersMax) send_dps_answers(Instant::max());
}

void Session::send_dps_answers(Instant due_by) {
  while (!dps_answers_.empty() && dps_answers_.front().due <= due_by) {
    const DpsAnswer answer = std::move(dps_answers_.front());
    dps_answers_.erase(dps_answers_.begin());
    publish_to(contract::topic::kDpsResponses, answer.topic, answer.body);
  }
}

void Session::desired_patch(std::uint64_t version, std::string_view json) {
  if (publish_to(contract::topic::kDesiredPatches, contract::desired_patch_topic(version), json))
    ++memory_.counters.desired_patches;
  wake();
}

bool Session::method_request(const contract::MethodRequest& request, std::string_view payload) {
  const bool listens =
      publish_to(contract::topic::kMethods, contract::method_request_topic(request), payload);
  wake();
  return listens && !closing_;
}

Delivery Session::deliver(const DeviceboundMessage& message) {
  if (closing_ || !state_) return Delivery::NotListening;
  const auto subscription = state_->subscriptions.find(contract::devicebound_filter(id_));
  if (subscription == state_->subscriptions.end()) return Delivery::NotListening;
  const std::size_t waiting = waiting_bytes();
  if (waiting > 0 && waiting + message.body.size() > kWaitingBytesMax / 2) {
    more_waits_ = true;
    return Delivery::NoRoom;
  }
  ++memory_.counters.messages_out;
  const std::string topic = contract::devicebound_topic(id_, message.properties);
  if (subscription->second == 0) {
    send(publish({topic, message.body}));
    wake();
    return Delivery::Done;
  }
  auto& unacknowledged = state_->unacknowledged;
  const auto known =
      std::find_if(unacknowledged.begin(), unacknowledged.end(),
                   [&](const Unacknowledged& sent) { return sent.sequence == message.sequence; });
  const bool again = known != unacknowledged.end();
  const std::uint16_t packet_id = again ? known->packet_id : state_->next_packet_id();
  if (!again) unacknowledged.push_back({packet_id, topic, message.body, message.sequence});
  send(publish({topic, message.body, 1, again, packet_id}));
  wake();
  return Delivery::Sent;
}

/// False if the client has not subscribed.
bool Session::publish_to(std::string_view filter, std::string_view topic,
                         std::string_view payload) {
  if (closing_ || !state_) return false;
  const auto subscription = state_->subscriptions.find(filter);
  if (subscription == state_->subscriptions.end()) return false;
  // Request ids come from the client: with one of nearly 64 KiB the answer's topic would not fit
  // its length field.
  if (topic.size() > 0xFFFF) {
    end("the request id is too long to be answered");
    return false;
  }
  ++memory_.counters.messages_out;
  std::uint16_t packet_id = 0;
  if (subscription->second == 1) {
    packet_id = state_->next_packet_id();
    state_->unacknowledged.push_back({packet_id, std::string(topic), std::string(payload)});
  }
  send(publish({topic, payload, subscription->second, false, packet_id}));
  return true;
}

}  // namespace ota::hub::mqtt
