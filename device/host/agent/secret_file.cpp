#include "device/host/agent/secret_file.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/encoding.hpp"

namespace ota::agent {
namespace {

constexpr off_t kSecretBytesMax = 16 * 1024;

}  // namespace

Result<Ok, std::string> check_secret(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return path + ": " + std::strerror(errno);
  if (!S_ISREG(info.st_mode)) return path + ": not a file";
  if ((info.st_mode & 077U) != 0) {
    return path + ": others may read this secret; run: chmod 600 " + path;
  }
  if (info.st_size > kSecretBytesMax) return path + ": too large for a secret";
  return Ok{};
}

Result<Secret, std::string> read_secret(const std::string& path) {
  OTA_TRY(check_secret(path));
  std::ifstream stream(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!stream) return path + ": cannot be read; check its owner";
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  if (text.empty()) return path + ": is empty; expected a secret";
  return Secret{std::move(text)};
}

Result<std::vector<std::byte>, std::string> read_key(const std::string& path) {
  OTA_TRY(const Secret secret, read_secret(path));
  auto key = from_base64(secret.text);
  if (!key || key->empty()) return path + ": not a base64 key; copy it again";
  return std::move(*key);
}

}  // namespace ota::agent
