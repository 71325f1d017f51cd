#include "cloud/rest/http_client.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <random>

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "cloud/rest/internal/curl_setup.hpp"

namespace ota::rest {
namespace {

/// What the callbacks of one exchange read and fill.
struct Exchange {
  const HttpRequest& request;
  HttpReply reply;
  CURL* curl = nullptr;
  bool stopped = false;  // by who takes the pieces
  int file = -1;
  std::uint64_t sent_bytes = 0;
  bool reply_too_large = false;
  int file_error = 0;
};

int status_of(CURL* curl) {
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  if (exchange.request.on_piece && status_of(exchange.curl) / 100 == 2) {
    exchange.stopped = !exchange.request.on_piece({data, size});
    return exchange.stopped ? 0 : size;
  }
  if (exchange.reply.body.size() + size > exchange.request.reply_bytes_max) {
    exchange.reply_too_large = true;
    return 0;
  }
  exchange.reply.body.append(data, size);
  return size;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  const std::string_view line(data, size);
  const std::size_t colon = line.find(':');
  if (line.starts_with("HTTP/")) {
    exchange.reply.headers.clear();  // An interim answer (100) came before.
  } else if (colon != std::string_view::npos) {
    exchange.reply.headers.emplace_back(line.substr(0, colon), trimmed(line.substr(colon + 1)));
  }
  return size;
}

std::size_t on_read(char* out, std::size_t, std::size_t room, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  const FileRange& range = *exchange.request.upload;
  const std::uint64_t left = range.size_bytes - exchange.sent_bytes;
  const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(room, left));
  if (wanted == 0) return 0;
  const ssize_t count =
      ::pread(exchange.file, out, wanted, static_cast<off_t>(range.offset + exchange.sent_bytes));
  if (count <= 0) {
    exchange.file_error = count < 0 ? errno : EIO;  // It became shorter under our hands.
    return CURL_READFUNC_ABORT;
  }
  exchange.sent_bytes += static_cast<std::uint64_t>(count);
  if (exchange.request.on_sent) exchange.request.on_sent(exchange.sent_bytes);
  return static_cast<std::size_t>(count);
}

int on_seek(void* context, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
  static_cast<Exchange*>(context)->sent_bytes = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

ApiError error_of(CURLcode code, const Exchange& exchange, const std::string& origin,
                  const char* detail) {
  if (exchange.reply_too_large) {
    return {.kind = ApiError::Kind::Protocol,
            .http_status = exchange.reply.status,
            .code = "too_large",
            .message = "the answer of " + origin + " is larger than " +
                       std::to_string(exchange.request.reply_bytes_max) + " bytes; it was dropped"};
  }
  if (exchange.file_error != 0) {
    return {.kind = ApiError::Kind::Protocol,
            .code = "file_unreadable",
            .message = "cannot read " + exchange.request.upload->path + " while sending it (" +
                       std::strerror(exchange.file_error) +
                       "); leave the file alone and try again"};
  }
  return network_error(code, origin, detail);
}

/// Headers as libcurl takes them. A header without a value would be dropped, hence the ';' form.
class HeaderList {
 public:
  explicit HeaderList(const contract::HeaderFields& headers) {
    bool typed = false;
    for (const auto& [name, value] : headers) {
      if (equal_ignoring_case(name, "Content-Length")) continue;  // libcurl writes its own
      typed = typed || equal_ignoring_case(name, "Content-Type");
      append(value.empty() ? name + ";" : name + ": " + value);
    }
    append("Expect:");
    if (!typed) append("Content-Type:");  // not the default type of a form
  }
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() { curl_slist_free_all(list_); }
  curl_slist* get() const { return list_; }

 private:
  void append(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }
  curl_slist* list_ = nullptr;
};

}  // namespace

struct HttpClient::State {
  HttpOptions options;
  CURL* curl = nullptr;
  std::array<char, CURL_ERROR_SIZE> detail{};

  explicit State(HttpOptions chosen) : options(std::move(chosen)) {
    start_curl();
    curl = curl_easy_init();
    OTA_ASSERT(curl != nullptr);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { curl_easy_cleanup(curl); }

  template <class Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(curl, option, value);
  }

  void prepare(const HttpRequest& request, Exchange& exchange) {
    curl_easy_reset(curl);  // keeps the connection
    detail[0] = '\0';
    set(CURLOPT_ERRORBUFFER, detail.data());
    set(CURLOPT_URL, request.url.c_str());
    set_connection(curl, options, origin_of(request.url));
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_USERAGENT, "mcu-ota");
    const int patience_s = request.answer_timeout_s;
    const long total_s = patience_s > 0 ? patience_s : options.total_timeout_s;
    set(CURLOPT_TIMEOUT, request.on_piece ? 0L : total_s);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, std::max<long>(patience_s, options.stalled_timeout_s));
    set(CURLOPT_WRITEFUNCTION, &on_body);
    set(CURLOPT_WRITEDATA, &exchange);
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_HEADERDATA, &exchange);
    prepare_body(request, exchange);
  }

  void prepare_body(const HttpRequest& request, Exchange& exchange) {
    if (request.upload) {
      set(CURLOPT_UPLOAD, 1L);
      set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.upload->size_bytes));
      set(CURLOPT_READFUNCTION, &on_read);
      set(CURLOPT_READDATA, &exchange);
      set(CURLOPT_SEEKFUNCTION, &on_seek);
      set(CURLOPT_SEEKDATA, &exchange);
    } else if (request.method == "HEAD") {
      set(CURLOPT_NOBODY, 1L);
    } else if (request.method == "PUT" || request.method == "POST" || request.method == "PATCH") {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      set(CURLOPT_POSTFIELDS, request.body.c_str());
    }
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
};

HttpClient::HttpClient(HttpOptions options) : state_(std::make_unique<State>(std::move(options))) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

ApiResult<HttpReply> HttpClient::send(const HttpRequest& request) {
  Exchange exchange{.request = request, .reply = {}, .curl = state_->curl};
  if (request.upload) {
    exchange.file = ::open(request.upload->path.c_str(), O_RDONLY | O_CLOEXEC);
    if (exchange.file < 0) exchange.file_error = errno;
  }
  CURLcode code = CURLE_ABORTED_BY_CALLBACK;
  if (exchange.file_error == 0) {
    const HeaderList headers(request.headers);
    state_->prepare(request, exchange);
    state_->set(CURLOPT_HTTPHEADER, headers.get());
    code = curl_easy_perform(state_->curl);
  }
  if (exchange.file >= 0) ::close(exchange.file);
  if (code != CURLE_OK && !exchange.stopped) {
    return error_of(code, exchange, origin_of(request.url), state_->detail.data());
  }
  exchange.reply.status = status_of(state_->curl);
  return std::move(exchange.reply);
}

std::optional<std::string> HttpReply::header(std::string_view name) const {
  for (const auto& [field, value] : headers) {
    if (equal_ignoring_case(field, name)) return value;
  }
  return std::nullopt;
}

std::string origin_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url.substr(0, url.find_first_of("/?")));
  return std::string(url.substr(0, url.find_first_of("/?", scheme + 3)));
}

HttpLibraries http_libraries() {
  const curl_version_info_data* about = curl_version_info(CURLVERSION_NOW);
  return {.curl = about->version, .tls = about->ssl_version == nullptr ? "" : about->ssl_version};
}

std::string new_request_id() {
  std::random_device random;
  std::array<std::byte, 16> bytes{};
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 0xFFU);
  bytes[6] = (bytes[6] & std::byte{0x0F}) | std::byte{0x40};  // RFC 4122: version 4, variant 1
  bytes[8] = (bytes[8] & std::byte{0x3F}) | std::byte{0x80};
  std::string text = to_hex(bytes);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, "-");
  return text;
}

}  // namespace ota::rest
