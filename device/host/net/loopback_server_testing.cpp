#include "device/host/net/loopback_server_testing.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <span>
#include <utility>

#include "base/assert.hpp"

namespace ota::net {
namespace {

class SocketPeer final : public LoopbackPeer {
 public:
  SocketPeer(int socket, SSL* tls) : socket_(socket), tls_(tls) {}
  ~SocketPeer() override {
    SSL_free(tls_);
    ::close(socket_);
  }

  std::string read_request() override {
    std::string text;
    while (text.find("\r\n\r\n") == std::string::npos) {
      std::array<char, 2048> buffer{};
      const long count = read_some(buffer);
      if (count <= 0) return {};
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return text;
  }

  bool write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const long count = tls_ != nullptr
                             ? SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                             : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  std::string read_bytes() override {
    std::array<char, 2048> buffer{};
    const long count = read_some(buffer);
    return {buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
  }

  void wait_for_close() override {
    std::array<char, 256> buffer{};
    while (read_some(buffer) > 0) {
    }
  }

  void close() override { ::shutdown(socket_, SHUT_RDWR); }

 private:
  long read_some(std::span<char> buffer) {
    return tls_ != nullptr ? SSL_read(tls_, buffer.data(), static_cast<int>(buffer.size()))
                           : ::recv(socket_, buffer.data(), buffer.size(), 0);
  }

  int socket_;
  SSL* tls_;
};

SSL_CTX* make_tls(long valid_from_s, std::string& pem) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), valid_from_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate), valid_from_s + 86400);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("loopback"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
  X509_add_ext(certificate, names, -1);
  X509_EXTENSION_free(names);
  OTA_ASSERT(X509_sign(certificate, key, EVP_sha256()) > 0);

  BIO* memory = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(memory, certificate);
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory, &text);
  pem.assign(text, static_cast<std::size_t>(size));
  BIO_free(memory);

  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  OTA_ASSERT(SSL_CTX_use_certificate(context, certificate) == 1);
  OTA_ASSERT(SSL_CTX_use_PrivateKey(context, key) == 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return context;
}

}  // namespace

LoopbackServer::LoopbackServer(Script script) : script_(std::move(script)) { listen(); }

LoopbackServer::LoopbackServer(Script script, long valid_from_s, Mode mode)
    : script_(std::move(script)), mode_(mode), tls_(make_tls(valid_from_s, certificate_)) {
  listen();
}

LoopbackServer::~LoopbackServer() {
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
  SSL_CTX_free(static_cast<SSL_CTX*>(tls_));
}

void LoopbackServer::listen() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof(address);
  OTA_ASSERT(::bind(listener_, generic, size) == 0 && ::listen(listener_, 8) == 0);
  OTA_ASSERT(::getsockname(listener_, generic, &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

void LoopbackServer::serve() {
  // OpenSSL writes without MSG_NOSIGNAL; a client that has gone is no reason to die.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  for (;;) {
    const int socket = ::accept(listener_, nullptr, nullptr);
    if (socket < 0) return;
    SSL* tls = nullptr;
    if (tls_ != nullptr) {
      tls = SSL_new(static_cast<SSL_CTX*>(tls_));
      SSL_set_fd(tls, socket);
    }
    SocketPeer peer(socket, tls);
    if (tls != nullptr && SSL_accept(tls) != 1) continue;
    if (mode_ == Mode::Raw) {
      script_(peer);
      continue;
    }
    for (;;) {
      std::string request = peer.read_request();
      if (request.empty()) break;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(std::move(request));
      }
      script_(peer);
    }
  }
}

std::string LoopbackServer::url(const std::string& path) const {
  return (tls_ != nullptr ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_) +
         path;
}

std::vector<std::string> LoopbackServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

}  // namespace ota::net
