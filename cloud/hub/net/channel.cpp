#include "cloud/hub/net/channel.hpp"

#include <openssl/err.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "cloud/hub/x509/certificate.hpp"
#include "cloud/hub/x509/openssl_ptr.hpp"

namespace ota::hub {
namespace {

// In the order in which the hub takes them: TLS 1.3, TLS 1.2.
constexpr const char* kCipherSuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kCiphers = "ECDHE+AES128+AESGCM:ALL:!COMPLEMENTOFDEFAULT:!eNULL";

std::string last_openssl_error() {
  std::array<char, 256> text{};
  const unsigned long code = ERR_get_error();
  if (code == 0) return "unknown TLS error";
  ERR_error_string_n(code, text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

std::string der_of(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  if (size < 0) return {};
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

/// What an earlier call left would be taken for the reason of the next one. Emptying the queue
/// costs more than looking into it, and it is empty as a rule.
void forget_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

/// Lets every handshake pass: whether the chain is trusted is said in ClientCertificate, and the
/// core decides.
int note_only(int, X509_STORE_CTX*) { return 1; }

class TlsChannel final : public Channel {
 public:
  explicit TlsChannel(ossl::Ssl ssl) : ssl_(std::move(ssl)) {}

  Progress handshake() override {
    forget_errors();
    return verdict(SSL_accept(ssl_.get()));
  }

  Transfer read(MutableBytes into) override {
    forget_errors();
    const int size = SSL_read(ssl_.get(), into.data(), clipped(into.size()));
    if (size <= 0) return {verdict(size), 0};
    // What has reached the socket meanwhile is told by whoever waits for it.
    return {Progress::Done, static_cast<std::size_t>(size), SSL_has_pending(ssl_.get()) == 1};
  }

  Transfer write(Bytes from) override {
    forget_errors();
    const int size = SSL_write(ssl_.get(), from.data(), clipped(from.size()));
    if (size <= 0) return {verdict(size), 0};
    return {Progress::Done, static_cast<std::size_t>(size)};
  }

  void say_goodbye() override {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }

  std::optional<ClientCertificate> client_certificate() override {
    const ossl::Certificate leaf(SSL_get1_peer_certificate(ssl_.get()));
    if (!leaf) return std::nullopt;
    ClientCertificate out;
    out.chain_der.push_back(der_of(leaf.get()));
    auto facts = read_certificate(out.chain_der.front());
    if (!facts) return std::nullopt;  // Too large for a device's.
    out.common_name = std::move(facts->common_name);
    out.sha1_thumbprint = std::move(facts->sha1_thumbprint);
    out.sha256_thumbprint = std::move(facts->sha256_thumbprint);
    out.chain_valid = SSL_get_verify_result(ssl_.get()) == X509_V_OK;
    // On the server's side OpenSSL keeps the leaf apart.
    const STACK_OF(X509)* sent = SSL_get_peer_cert_chain(ssl_.get());
    for (int i = 0; sent != nullptr && i < sk_X509_num(sent); ++i) {
      out.chain_der.push_back(der_of(sk_X509_value(sent, i)));
    }
    return out;
  }

  std::string failure() const override { return failure_; }

 private:
  static int clipped(std::size_t size) {
    constexpr std::size_t limit = 1U << 30U;
    return static_cast<int>(size < limit ? size : limit);
  }

  Progress verdict(int returned) {
    const int saved_errno = errno;
    switch (SSL_get_error(ssl_.get(), returned)) {
      case SSL_ERROR_NONE:
        return Progress::Done;
      case SSL_ERROR_WANT_READ:
        return Progress::WantRead;
      case SSL_ERROR_WANT_WRITE:
        return Progress::WantWrite;
      case SSL_ERROR_ZERO_RETURN:
        return Progress::Closed;
      case SSL_ERROR_SYSCALL:
        failure_ = saved_errno == 0 ? "connection lost" : std::strerror(saved_errno);
        ERR_clear_error();
        return Progress::Failed;
      default:
        failure_ = last_openssl_error();
        return Progress::Failed;
    }
  }

  ossl::Ssl ssl_;
  std::string failure_;
};

class PlainChannel final : public Channel {
 public:
  explicit PlainChannel(int descriptor) : descriptor_(descriptor) {}

  Progress handshake() override { return Progress::Done; }
  Transfer read(MutableBytes into) override {
    const ssize_t size = ::recv(descriptor_, into.data(), into.size(), 0);
    if (size == 0) return {Progress::Closed, 0};
    Transfer transfer = verdict(size, Progress::WantRead);
    transfer.more = transfer.size_bytes == into.size();
    return transfer;
  }
  Transfer write(Bytes from) override {
    return verdict(::send(descriptor_, from.data(), from.size(), MSG_NOSIGNAL),
                   Progress::WantWrite);
  }
  void say_goodbye() override {}
  std::optional<ClientCertificate> client_certificate() override { return std::nullopt; }
  std::string failure() const override { return failure_; }

 private:
  Transfer verdict(ssize_t size, Progress wanted) {
    if (size >= 0) return {Progress::Done, static_cast<std::size_t>(size)};
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {wanted, 0};
    failure_ = std::strerror(errno);
    return {Progress::Failed, 0};
  }

  int descriptor_;
  std::string failure_;
};

}  // namespace

Result<TlsContext, std::string> TlsContext::load(const Files& files) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return last_openssl_error();
  SSL_CTX* raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  // An idle connection gives its two buffers of 17 kB back; queues may move between two attempts to
  // send.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // AES-128 first: it is as strong as the rest of the connection, and the hash that belongs to it,
  // SHA-256, makes a handshake a sixth cheaper on both sides than SHA-384 does.
  SSL_CTX_set_ciphersuites(raw, kCipherSuites);
  SSL_CTX_set_cipher_list(raw, kCiphers);
  // One system call for a record, not one for its header and one for the rest.
  SSL_CTX_set_read_ahead(raw, 1);
  // A resumed session would skip the client certificate; reconnecting costs 0.4 ms anyway.
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, note_only);
  if (SSL_CTX_use_certificate_chain_file(raw, files.certificate_chain.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(raw, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return "cannot load the server certificate " + files.certificate_chain + ": " +
           last_openssl_error();
  }
  if (!files.device_authorities.empty() &&
      SSL_CTX_load_verify_locations(raw, files.device_authorities.c_str(), nullptr) != 1) {
    return "cannot load the device CA file " + files.device_authorities + ": " +
           last_openssl_error();
  }
  return TlsContext(std::move(context));
}

contract::UnixSeconds TlsContext::certificate_end() const {
  std::tm end{};
  const X509* certificate = SSL_CTX_get0_certificate(context_.get());
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
    return 0;
  return ::timegm(&end);
}

std::unique_ptr<Channel> TlsContext::accept(int descriptor) const {
  ossl::Ssl ssl(SSL_new(context_.get()));
  if (!ssl || SSL_set_fd(ssl.get(), descriptor) != 1) return nullptr;
  return std::make_unique<TlsChannel>(std::move(ssl));
}

std::unique_ptr<Channel> plain_channel(int descriptor) {
  return std::make_unique<PlainChannel>(descriptor);
}

}  // namespace ota::hub
