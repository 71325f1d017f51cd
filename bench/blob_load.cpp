// Reads one URL over and over on several connections, and says how fast that went, as one JSON
// line. It reads the answers as they come and throws them away, so that the server is what is
// measured. One thread for each connection, blocking sockets.

#include <netdb.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBufferBytes = 256 * 1024;
constexpr std::size_t kHeadBytesMax = 16 * 1024;

struct Options {
  std::string host;
  std::string port;
  std::string target;
  bool tls = false;
  std::size_t connections = 4;
  double seconds = 2;
  std::uint64_t blob_bytes = 0;
  std::uint64_t range_bytes = 0;  // 0: the whole blob
};

struct Totals {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<bool> failed{false};
};

/// A connection, with TLS or without. Errors are exceptions: the run is void then.
class Link {
 public:
  Link(const Options& options, SSL_CTX* context) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(options.host.c_str(), options.port.c_str(), &hints, &found) != 0)
      throw std::runtime_error("cannot resolve " + options.host);
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> address(found, ::freeaddrinfo);
    socket_ = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(socket_, found->ai_addr, found->ai_addrlen) != 0)
      throw std::runtime_error("cannot connect to " + options.host + ":" + options.port);
    if (!options.tls) return;
    ssl_ = SSL_new(context);
    SSL_set_fd(ssl_, socket_);
    if (SSL_connect(ssl_) != 1) throw std::runtime_error("no TLS");
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() {
    SSL_free(ssl_);
    ::close(socket_);
  }

  void write(std::string_view text) {
    const auto sent = ssl_ != nullptr ? SSL_write(ssl_, text.data(), static_cast<int>(text.size()))
                                      : ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(text.size())) throw std::runtime_error("cannot send");
  }

  std::size_t read(char* into, std::size_t size) {
    const auto got = ssl_ != nullptr ? SSL_read(ssl_, into, static_cast<int>(size))
                                     : ::recv(socket_, into, size, 0);
    if (got <= 0) throw std::runtime_error("the server has closed the connection");
    return static_cast<std::size_t>(got);
  }

 private:
  int socket_ = -1;
  SSL* ssl_ = nullptr;
};

std::uint64_t content_length_of(std::string_view head) {
  for (const std::string_view name : {"\r\nContent-Length: ", "\r\ncontent-length: "}) {
    const std::size_t at = head.find(name);
    if (at == std::string_view::npos) continue;
    std::uint64_t size = 0;
    const char* begin = head.data() + at + name.size();
    std::from_chars(begin, head.data() + head.size(), size);
    return size;
  }
  throw std::runtime_error("an answer without Content-Length");
}

/// One answer; returns the bytes of its body.
std::uint64_t read_answer(Link& link, std::vector<char>& buffer, std::string_view status) {
  std::string head;
  std::size_t end = std::string::npos;
  while (end == std::string::npos) {
    head.append(buffer.data(), link.read(buffer.data(), buffer.size()));
    end = head.find("\r\n\r\n");
    if (end == std::string::npos && head.size() > kHeadBytesMax)
      throw std::runtime_error("an endless head");
  }
  if (!head.starts_with(status))
    throw std::runtime_error("answered " + head.substr(0, head.find('\r')));
  const std::uint64_t size = content_length_of(std::string_view(head).substr(0, end));
  for (std::uint64_t done = head.size() - end - 4; done < size;)
    done += link.read(buffer.data(), buffer.size());
  return size;
}

void run_connection(const Options& options, SSL_CTX* context, std::uint64_t number,
                    Clock::time_point end, Totals& totals) {
  Link link(options, context);
  std::vector<char> buffer(kBufferBytes);
  std::mt19937_64 random(number);  // NOLINT(cert-msc51-cpp): the same places in each run
  const std::uint64_t ranges =
      options.range_bytes == 0 ? 1 : options.blob_bytes / options.range_bytes;
  while (Clock::now() < end) {
    std::string request = "GET " + options.target + " HTTP/1.1\r\nHost: " + options.host + "\r\n";
    if (options.range_bytes > 0) {
      const std::uint64_t first = random() % ranges * options.range_bytes;
      request += "Range: bytes=" + std::to_string(first) + "-" +
                 std::to_string(first + options.range_bytes - 1) + "\r\n";
    }
    link.write(request + "\r\n");
    totals.bytes +=
        read_answer(link, buffer, options.range_bytes > 0 ? "HTTP/1.1 206" : "HTTP/1.1 200");
    ++totals.requests;
  }
}

int run(const Options& options) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  Totals totals;
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(options.seconds));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < options.connections; ++i) {
    threads.emplace_back([&, i] {
      try {
        run_connection(options, context.get(), i, end, totals);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "blob_load: %s\n", error.what());
        totals.failed = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::printf("{\"requests\": %llu, \"bytes\": %llu, \"seconds\": %.3f}\n",
              static_cast<unsigned long long>(totals.requests.load()),
              static_cast<unsigned long long>(totals.bytes.load()), seconds);
  return totals.failed ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Reads a blob over and over and prints how fast that went");
  app.add_option("host", options.host)->required();
  app.add_option("port", options.port)->required();
  app.add_option("target", options.target, "Path and query")->required();
  app.add_flag("--tls", options.tls, "Without looking at the certificate");
  app.add_option("--connections", options.connections)->capture_default_str();
  app.add_option("--seconds", options.seconds)->capture_default_str();
  app.add_option("--blob-bytes", options.blob_bytes, "Size of the blob, for ranges");
  app.add_option("--range-bytes", options.range_bytes, "Read ranges of this size");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "blob_load: %s\n", error.what());
    return 1;
  }
}
