#include "device/host/net/curl_transport.hpp"

#include <curl/curl.h>
#include <openssl/x509_vfy.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <utility>

#include "base/assert.hpp"
#include "device/host/net/http_fields.hpp"

namespace ota::net {
namespace {

constexpr long kReceiveBufferBytes = 16 * 1024;
constexpr int kPollMs = 100;  // how late a Cancel may be noticed

using fetch::Receiver;
using fetch::Request;
using fetch::ResponseHead;
using fetch::TransferEnd;
using fetch::Verdict;

using SteadyClock = std::chrono::steady_clock;

/// Spreads the bytes evenly. libcurl's own limit lets up to 1.6 MB through at once and then pauses
/// for seconds.
class Pace {
 public:
  explicit Pace(std::uint64_t bytes_per_second) noexcept : rate_(bytes_per_second) {}

  bool is_due() const noexcept { return rate_ == 0 || SteadyClock::now() >= due_; }
  void spend(std::size_t bytes) noexcept {
    if (rate_ == 0) return;
    const auto cost =
        std::chrono::duration<double>(static_cast<double>(bytes) / static_cast<double>(rate_));
    due_ = std::max(due_, SteadyClock::now()) +
           std::chrono::duration_cast<SteadyClock::duration>(cost);
  }
  int wait_ms() const noexcept {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due_ - SteadyClock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 1, kPollMs));
  }

 private:
  std::uint64_t rate_;
  SteadyClock::time_point due_{};
};

/// One transfer as seen by libcurl's callbacks.
class Exchange {
 public:
  Exchange(Receiver& receiver, std::uint64_t max_rate) noexcept
      : pace_(max_rate), receiver_(receiver) {}

  /// False: libcurl keeps the piece and offers it again after resume().
  bool admits(std::size_t bytes) noexcept {
    paused_ = !pace_.is_due();
    if (!paused_) pace_.spend(bytes);
    return !paused_;
  }
  bool paused() const noexcept { return paused_; }
  const Pace& pace() const noexcept { return pace_; }

  /// libcurl hands over one header line at a time, the blank line at the end included, then again
  /// for trailers.
  bool on_header(std::string_view line) noexcept {
    if (judged_) return true;  // a trailer
    if (const auto status = parse_status_line(line)) {
      head_ = ResponseHead{};
      head_.status = *status;
      return true;
    }
    if (line == "\r\n" || line == "\n") return end_of_head();
    if (const auto field = parse_header_line(line)) take(*field);
    return true;
  }

  bool on_body(Bytes bytes) noexcept {
    if (!judged_ || stopped_) return false;
    // libcurl delivers the text of an error page like any other body; it is not the blob.
    if (head_.status < 200 || head_.status > 299) return true;
    stopped_ = receiver_.on_body(bytes) == Verdict::Stop;
    return !stopped_;
  }

  bool stopped() const noexcept { return stopped_; }

 private:
  bool end_of_head() noexcept {
    if (head_.status < 200) return true;  // 100 Continue and its kind: the real head follows
    judged_ = true;
    stopped_ = receiver_.on_head(head_) == Verdict::Stop;
    return !stopped_;
  }

  void take(const HeaderField& field) noexcept {
    if (names_equal(field.name, "content-range")) {
      head_.content_range = parse_content_range(field.value);
    } else if (names_equal(field.name, "content-length")) {
      head_.content_length = parse_content_length(field.value);
    } else if (names_equal(field.name, "etag")) {
      if (!head_.etag.assign(field.value)) head_.etag.clear();
    } else if (names_equal(field.name, "retry-after")) {
      head_.retry_after = parse_retry_after(field.value, std::time(nullptr));
    }
  }

  Pace pace_;
  bool paused_ = false;
  Receiver& receiver_;
  ResponseHead head_;
  bool judged_ = false;
  bool stopped_ = false;
};

std::size_t header_callback(char* data, std::size_t size, std::size_t count, void* exchange) {
  const std::size_t bytes = size * count;
  return static_cast<Exchange*>(exchange)->on_header({data, bytes}) ? bytes : CURL_WRITEFUNC_ERROR;
}

std::size_t body_callback(char* data, std::size_t size, std::size_t count, void* exchange) {
  const std::size_t bytes = size * count;
  if (!static_cast<Exchange*>(exchange)->admits(bytes)) return CURL_WRITEFUNC_PAUSE;
  const bool go_on =
      static_cast<Exchange*>(exchange)->on_body(bytes_of(std::string_view(data, bytes)));
  return go_on ? bytes : CURL_WRITEFUNC_ERROR;
}

/// curl_global_init is not safe beside other threads, so the first transport runs it once.
void initialise_curl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  OTA_ASSERT(code == CURLE_OK);
}

struct HeaderList {
  curl_slist* list = nullptr;
  ~HeaderList() { curl_slist_free_all(list); }
  void add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
};

long to_seconds(Duration duration) {
  return static_cast<long>(std::chrono::ceil<std::chrono::seconds>(duration).count());
}

bool is_http(std::string_view url) {
  constexpr std::string_view scheme = "http://";
  return url.size() >= scheme.size() && names_equal(url.substr(0, scheme.size()), scheme);
}

TransferEnd end_of(CURLcode code, long verify_result) {
  switch (static_cast<int>(code)) {
    case CURLE_OK:
      return TransferEnd::Complete;
    case CURLE_OPERATION_TIMEDOUT:
      return TransferEnd::TimedOut;
    case CURLE_PEER_FAILED_VERIFICATION:
      return verify_result == X509_V_ERR_CERT_NOT_YET_VALID ? TransferEnd::TlsNotYetValid
                                                            : TransferEnd::TlsUntrusted;
    case CURLE_SSL_CACERT_BADFILE:
      return TransferEnd::TlsUntrusted;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      return TransferEnd::Unreachable;
    default:
      return TransferEnd::Failed;
  }
}

}  // namespace

struct CurlTransport::Handles {
  CURL* easy = curl_easy_init();
  CURLM* multi = curl_multi_init();  // keeps the connection from one request to the next
  std::array<char, CURL_ERROR_SIZE> error{};

  Handles() { OTA_ASSERT(easy != nullptr && multi != nullptr); }
  ~Handles() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;

  void prepare(const CurlSettings& settings, const std::string& url) {
    curl_easy_reset(easy);
    error[0] = '\0';
    const char* const schemes = settings.allow_http ? "https,http" : "https";
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, schemes);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    // Only the configured proxy: the environment of a service must not redirect a download.
    curl_easy_setopt(easy, CURLOPT_PROXY, settings.proxy.c_str());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, settings.user_agent.c_str());
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kReceiveBufferBytes);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error.data());
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, to_seconds(settings.connect_timeout));
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(settings.low_speed_bytes));
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, to_seconds(settings.low_speed_time));
    if (!settings.ca_file.empty()) {
      curl_easy_setopt(easy, CURLOPT_CAINFO, settings.ca_file.c_str());
      curl_easy_setopt(easy, CURLOPT_CAPATH,
                       static_cast<char*>(nullptr));  // this authority and no other
    }
  }

  void connect_callbacks(Exchange& exchange) {
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &header_callback);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &body_callback);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  }

  /// Nothing if it was cancelled. curl_easy_perform would look at a Cancel only once a second.
  std::optional<CURLcode> perform(const Exchange& exchange, const Cancel& cancel) {
    if (curl_multi_add_handle(multi, easy) != CURLM_OK) return CURLE_FAILED_INIT;
    std::optional<CURLcode> end;
    for (int running = 1; !end && !cancel.requested();) {
      if (exchange.paused() && exchange.pace().is_due()) {
        const CURLcode resumed = curl_easy_pause(easy, CURLPAUSE_CONT);
        if (resumed != CURLE_OK) end = resumed;
      }
      if (curl_multi_perform(multi, &running) != CURLM_OK) end = CURLE_FAILED_INIT;
      int queued = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi, &queued)) {
        if (message->msg == CURLMSG_DONE) end = message->data.result;
      }
      if (!end && running == 0) end = CURLE_FAILED_INIT;
      const int wait_ms = exchange.paused() ? exchange.pace().wait_ms() : kPollMs;
      if (!end) curl_multi_poll(multi, nullptr, 0, wait_ms, nullptr);
    }
    curl_multi_remove_handle(multi, easy);
    return end;
  }
};

CurlTransport::CurlTransport(CurlSettings settings) : settings_(std::move(settings)) {
  initialise_curl();
  handles_ = std::make_unique<Handles>();
}

CurlTransport::~CurlTransport() = default;

TransferEnd CurlTransport::get(const Request& request, Receiver& receiver,
                               const Cancel& cancel) noexcept {
  if (is_http(request.url) && !settings_.allow_http) return TransferEnd::InsecureUrl;
  std::string url(request.url);
  if (!request.sas.empty()) url.append("?").append(request.sas);
  handles_->prepare(settings_, url);

  const std::string range = std::to_string(request.first_byte) + "-";
  curl_easy_setopt(handles_->easy, CURLOPT_RANGE, range.c_str());
  HeaderList headers;
  if (!request.if_match.empty()) headers.add("If-Match: " + std::string(request.if_match));
  curl_easy_setopt(handles_->easy, CURLOPT_HTTPHEADER, headers.list);

  Exchange exchange(receiver, settings_.max_rate_bytes);
  handles_->connect_callbacks(exchange);
  const auto code = handles_->perform(exchange, cancel);
  if (exchange.stopped()) return TransferEnd::Stopped;
  if (!code) return TransferEnd::Cancelled;

  long verify_result = X509_V_OK;
  curl_easy_getinfo(handles_->easy, CURLINFO_SSL_VERIFYRESULT, &verify_result);
  const TransferEnd end = end_of(*code, verify_result);
  if (end != TransferEnd::Complete) {
    // The URL without its query: the token must not reach a log.
    spdlog::info("download from {}: {}{}{}", request.url, curl_easy_strerror(*code),
                 handles_->error[0] == '\0' ? "" : ": ", handles_->error.data());
  }
  return end;
}

}  // namespace ota::net
