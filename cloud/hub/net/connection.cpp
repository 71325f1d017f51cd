#include "cloud/hub/net/connection.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <utility>

namespace ota::hub {
namespace {

// Turns of reading and writing before other connections get theirs: at 16 KiB a TLS record about
// half a megabyte.
constexpr int kTurnsMax = 32;

}  // namespace

Instant steady_now() {
  static const auto start = std::chrono::steady_clock::now();
  return Instant(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - start));
}

Connection::Connection(Socket socket, std::unique_ptr<Channel> channel,
                       const ProtocolFactory& make_protocol, ConnectionShare& share, Ended ended)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      channel_(std::move(channel)),
      make_protocol_(make_protocol),
      share_(share),
      ended_(std::move(ended)) {
  boost::system::error_code ignored;
  const auto peer = socket_.remote_endpoint(ignored);
  if (!ignored) address_ = peer.address().to_string();
}

void Connection::start() {
  stage_deadline_ = steady_now() + share_.handshake_timeout;
  pump_guarded();
}

void Connection::stop() {
  if (stage_ == Stage::Handshake) return finish("the hub stops");
  if (stage_ != Stage::Open) return;
  try {
    protocol_->stop(steady_now());
  } catch (const std::exception& error) {
    spdlog::error("{}: while stopping: {}", address_, error.what());
    return finish("internal error");
  }
  post_pump();
}

void Connection::post_pump() {
  if (pump_posted_ || stage_ == Stage::Gone) return;
  pump_posted_ = true;
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->pump_posted_ = false;
    self->pump_guarded();
  });
}

/// No exception crosses a handler: one bad connection must not take the hub down.
void Connection::pump_guarded() {
  if (stage_ == Stage::Gone) return;
  const auto self = shared_from_this();
  inside_ = true;
  try {
    pump();
  } catch (const std::exception& error) {
    spdlog::error("{}: {}", address_, error.what());
    finish("internal error");
  }
  inside_ = false;
}

void Connection::pump() {
  // Who still waits for the socket need not ask it.
  wants_readable_ = waiting_readable_;
  wants_writable_ = waiting_writable_;
  if (stage_ == Stage::Handshake) step_handshake();
  if (stage_ == Stage::Open) exchange();
  if (stage_ == Stage::Draining) drain();
  if (stage_ == Stage::Lingering) linger();
  if (stage_ == Stage::Gone) return;
  arm_waits();
  arm_timer();
}

void Connection::note(Progress progress, bool& wait_read, bool& wait_write) {
  switch (progress) {
    case Progress::Done:
      return;
    case Progress::WantRead:
      wait_read = true;
      return;
    case Progress::WantWrite:
      wait_write = true;
      return;
    case Progress::Closed:
      return finish("the client has closed the connection");
    case Progress::Failed:
      return finish(channel_->failure());
  }
}

void Connection::step_handshake() {
  const Progress progress = channel_->handshake();
  note(progress, wants_readable_, wants_writable_);
  if (progress != Progress::Done) return;
  speak(make_protocol_(PeerInfo{channel_->client_certificate(), address_}, steady_now()));
  stage_ = Stage::Open;
  stage_deadline_.reset();
}

void Connection::speak(std::unique_ptr<ByteProtocol> protocol) {
  protocol_ = std::move(protocol);
  protocol_->on_wake([this] {
    if (!inside_) post_pump();  // Else the pump is running and sees it.
  });
}

void Connection::exchange() {
  int turns = 0;
  bool progress = true;
  while (stage_ == Stage::Open && progress && turns < kTurnsMax) {
    ++turns;
    progress = write_some();
    if (stage_ == Stage::Open && !protocol_->closing() && read_some()) progress = true;
  }
  if (stage_ != Stage::Open) return;
  if (protocol_->closing()) {
    stage_ = Stage::Draining;
    stage_deadline_ = steady_now() + kDrainTimeout;
    return;
  }
  if (progress) post_pump();  // Others first, then the rest.
}

bool Connection::read_some() {
  if (!protocol_->wants_input() || wants_readable_) return false;
  const Transfer transfer = channel_->read(share_.read_buffer);
  note(transfer.progress, wants_readable_, wants_writable_);
  if (transfer.progress != Progress::Done) return false;
  if (!transfer.more) wants_readable_ = true;
  protocol_->feed(Bytes(share_.read_buffer).first(transfer.size_bytes), steady_now());
  return true;
}

bool Connection::write_some() {
  if (wants_writable_) return false;
  const Bytes output = protocol_->output();
  if (output.empty()) return false;
  const Transfer transfer = channel_->write(output);
  note(transfer.progress, wants_readable_, wants_writable_);
  if (transfer.progress != Progress::Done) return false;
  protocol_->sent(transfer.size_bytes, steady_now());
  if (auto successor = protocol_->successor()) speak(std::move(successor));
  return true;
}

void Connection::drain() {
  while (stage_ == Stage::Draining && write_some()) {
  }
  if (stage_ == Stage::Draining && protocol_->output().empty()) begin_linger();
}

/// Closing a socket with unread input resets the connection, and the peer could lose the answer
/// that explains the end.
void Connection::begin_linger() {
  channel_->say_goodbye();
  ::shutdown(socket_.native_handle(), SHUT_WR);
  stage_ = Stage::Lingering;
  stage_deadline_ = steady_now() + kLingerTimeout;
}

void Connection::linger() {
  for (int turn = 0; turn < kTurnsMax; ++turn) {
    const ssize_t size =
        ::recv(socket_.native_handle(), share_.read_buffer.data(), share_.read_buffer.size(), 0);
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
      return finish(std::string(protocol_->close_reason()));
    }
    if (size < 0) break;
  }
  wants_readable_ = true;
}

void Connection::finish(const std::string& why) {
  if (stage_ == Stage::Gone) return;
  const auto self = shared_from_this();
  const std::string reason =
      protocol_ && protocol_->closing() ? std::string(protocol_->close_reason()) : why;
  stage_ = Stage::Gone;
  try {
    if (protocol_) protocol_->gone();
  } catch (const std::exception& error) {
    spdlog::error("{}: at the end of a connection: {}", address_, error.what());
  }
  spdlog::debug("{}: closed: {}", address_, reason);
  boost::system::error_code ignored;
  timer_.cancel();
  socket_.close(ignored);
  if (ended_) ended_(self);
}

// ---- Waiting ----

void Connection::arm_waits() {
  if (wants_readable_) wait_for(Wait::Read, waiting_readable_);
  if (wants_writable_) wait_for(Wait::Write, waiting_writable_);
}

void Connection::wait_for(Wait what, bool& armed) {
  if (armed) return;
  armed = true;
  const auto kind = what == Wait::Read ? Socket::wait_read : Socket::wait_write;
  socket_.async_wait(kind, [self = shared_from_this(), &armed](boost::system::error_code code) {
    armed = false;
    if (!code) self->pump_guarded();
  });
}

std::optional<Instant> Connection::next_deadline() const {
  if (stage_deadline_) return stage_deadline_;
  return protocol_ ? protocol_->deadline() : std::nullopt;
}

/// A timer that rings too early is cheaper than one that is set anew with each packet.
void Connection::arm_timer() {
  const auto deadline = next_deadline();
  if (!deadline || (timer_armed_for_ && *timer_armed_for_ <= *deadline)) return;
  timer_armed_for_ = deadline;
  timer_.expires_after(std::max(*deadline - steady_now(), Duration::zero()));
  timer_.async_wait([self = shared_from_this()](boost::system::error_code code) {
    if (code || self->stage_ == Stage::Gone) return;
    self->timer_armed_for_.reset();
    self->on_timer();
  });
}

void Connection::on_timer() {
  const auto self = shared_from_this();
  const Instant now = steady_now();
  if (stage_deadline_ && now >= *stage_deadline_) {
    return finish(stage_ == Stage::Handshake ? "no TLS handshake in time"
                                             : "the client does not take its last bytes");
  }
  try {
    if (protocol_) protocol_->tick(now);
  } catch (const std::exception& error) {
    spdlog::error("{}: at a deadline: {}", address_, error.what());
    return finish("internal error");
  }
  pump_guarded();
}

}  // namespace ota::hub
