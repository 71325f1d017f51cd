#include "bench/load/tls_link.hpp"

#include <openssl/err.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace ota::bench {

using boost::asio::ip::tcp;

std::shared_ptr<SSL_CTX> client_context(const std::string& ca_file) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context || SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr) != 1) {
    std::fprintf(stderr, "hub_load: cannot read the authority in %s\n", ca_file.c_str());
    std::exit(1);
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Each connection is a full handshake, as after a restart of the server.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

TlsLink::TlsLink(boost::asio::io_context& loop, SSL_CTX* context, Events events)
    : socket_(loop), ssl_(SSL_new(context)), events_(std::move(events)) {}

TlsLink::~TlsLink() { SSL_free(ssl_); }

void TlsLink::open(const tcp::endpoint& endpoint) {
  boost::system::error_code code;
  socket_.open(endpoint.protocol(), code);
  if (!code) socket_.native_non_blocking(true, code);
  if (!code) socket_.set_option(tcp::no_delay(true), code);
  if (code) return fail(code.message());
  X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), endpoint.address().to_string().c_str());
  SSL_set_fd(ssl_, socket_.native_handle());
  socket_.async_connect(endpoint, [self = shared_from_this()](boost::system::error_code refused) {
    if (self->dead_) return;
    if (refused) return self->fail(refused.message());
    self->pump();
  });
}

void TlsLink::send(std::string_view bytes) {
  output_ += bytes;
  if (open_ && !inside_) pump();
}

void TlsLink::close() {
  if (std::exchange(dead_, true)) return;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void TlsLink::fail(const std::string& reason) {
  if (dead_) return;
  close();
  if (events_.closed) events_.closed(reason);
}

void TlsLink::pump() {
  const auto self = shared_from_this();
  inside_ = true;
  if (!dead_ && (open_ || handshake())) {
    flush();
    read_all();
    flush();  // What the answers to the received bytes are.
  }
  inside_ = false;
}

bool TlsLink::handshake() {
  ERR_clear_error();
  if (!settle(SSL_connect(ssl_))) return false;
  open_ = true;
  events_.opened();
  return !dead_;
}

void TlsLink::read_all() {
  static std::array<char, 32 * 1024> buffer;  // One thread, and each read is handed over at once.
  while (!dead_) {
    ERR_clear_error();
    const int size = SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()));
    if (!settle(size)) return;
    events_.received({buffer.data(), static_cast<std::size_t>(size)});
  }
}

void TlsLink::flush() {
  while (!dead_ && !output_.empty()) {
    ERR_clear_error();
    const int size = SSL_write(ssl_, output_.data(), static_cast<int>(output_.size()));
    if (!settle(size)) return;
    output_.erase(0, static_cast<std::size_t>(size));
  }
  std::string().swap(output_);
}

bool TlsLink::settle(int returned) {
  if (returned > 0) return true;
  switch (SSL_get_error(ssl_, returned)) {
    case SSL_ERROR_WANT_READ:
      wait_for(tcp::socket::wait_read, waits_to_read_);
      return false;
    case SSL_ERROR_WANT_WRITE:
      wait_for(tcp::socket::wait_write, waits_to_write_);
      return false;
    default:
      fail("the server ended the connection");
      return false;
  }
}

void TlsLink::wait_for(tcp::socket::wait_type what, bool& waiting) {
  if (std::exchange(waiting, true)) return;
  socket_.async_wait(what, [self = shared_from_this(), &waiting](boost::system::error_code code) {
    waiting = false;
    if (!code) self->pump();
  });
}

}  // namespace ota::bench
