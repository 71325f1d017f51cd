#include "cli/output.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/json_output.hpp"

namespace ota::cli {
namespace {

/// Characters, not bytes: columns stay straight with names like "Prüfstand".
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;  // not a continuation byte of UTF-8
  }));
}

}  // namespace

ExitCode report(const Context& context, const Problem& problem) {
  std::cerr << "mcu-ota: " << printable(problem.message) << "\n";
  if (context.format == Format::Json) {
    nlohmann::json error = {{"code", problem.code}, {"message", problem.message}};
    if (problem.retry_after_s) error["retryAfterSeconds"] = *problem.retry_after_s;
    if (!problem.request_id.empty()) error["requestId"] = problem.request_id;
    const nlohmann::json document = {{"schema", kJsonSchema}, {"error", std::move(error)}};
    context.json_lines ? print_json_line(document) : print_json(document);
  }
  return problem.exit_code;
}

Problem usage_problem(std::string message) {
  return {.exit_code = ExitCode::Usage, .code = "usage", .message = std::move(message)};
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - width(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

ExitCode finish_output(ExitCode code) {
  errno = 0;
  std::cout.flush();
  const int error = errno;
  if (std::cout) return code;
  pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  const bool reader_left = ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
  if (reader_left) return code;
  std::cerr << "mcu-ota: cannot write the output"
            << (error != 0 ? " (" + std::string(std::strerror(error)) + ")" : "")
            << "; make room where it goes, and run this again\n";
  return code == ExitCode::Ok ? ExitCode::Failed : code;
}

bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto value = static_cast<unsigned char>(c);
    out += value < 0x20 || value == 0x7F ? ' ' : c;
  }
  return out;
}

}  // namespace ota::cli
