#include "sim/mcu/virtual_mcu.hpp"

#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>

#include "base/encoding.hpp"
#include "sim/mcu/vector_table.hpp"

namespace ota::sim {
namespace {

namespace fs = std::filesystem;

// One page of a typical MCU's flash.
constexpr std::size_t kPageBytes = 2048;

struct Header {
  std::uint64_t size_bytes = 0;
  std::string sha256;
  std::string version;
};

std::optional<Header> read_header(const fs::path& path) {
  std::ifstream file(path);
  Header header;
  if (!(file >> header.size_bytes >> header.sha256) || file.get() != '\n') return std::nullopt;
  if (!std::getline(file, header.version)) return std::nullopt;
  return header;
}

bool write_header(const fs::path& path, const Header& header) {
  fs::path temporary = path;
  temporary += ".new";
  {
    std::ofstream file(temporary, std::ios::trunc);
    file << header.size_bytes << ' ' << header.sha256 << '\n' << header.version << '\n';
    if (!file.flush()) return false;
  }
  std::error_code error;
  fs::rename(temporary, path, error);
  return !error;
}

}  // namespace

Result<std::uint64_t, McuError> VirtualMcu::program(const McuOrder& order, const McuInput& input,
                                                    const McuPace& pace) {
  std::error_code error;
  fs::create_directories(folder_, error);
  fs::remove(folder_ / "header", error);
  std::ofstream flash(folder_ / "flash.bin", std::ios::binary | std::ios::trunc);
  if (!flash) return McuError{"cannot write in " + folder_.string()};
  Sha256 hash;
  std::uint64_t written = 0;
  std::array<std::byte, kPageBytes> page;
  for (std::size_t count; (count = input(page)) > 0;) {
    const Bytes bytes = Bytes(page).first(count);
    if (written + count > order.size_bytes) return McuError{"more bytes than OTA_SIZE says"};
    if (pace) pace(count);
    const std::string_view text = text_of(bytes);
    if (!flash.write(text.data(), static_cast<std::streamsize>(text.size())).flush()) {
      return McuError{"cannot write in " + folder_.string()};
    }
    hash.update(bytes);
    written += count;
  }
  if (written != order.size_bytes) {
    return McuError{"the image ended after " + std::to_string(written) + " of " +
                    std::to_string(order.size_bytes) + " bytes"};
  }
  const Digest digest = hash.finish();
  if (digest != order.sha256) return McuError{"the programmed bytes have another SHA-256"};
  if (!write_header(folder_ / "header", {written, to_hex(digest), order.version})) {
    return McuError{"cannot write in " + folder_.string()};
  }
  return written;
}

Result<std::string, McuError> VirtualMcu::version() const {
  const auto header = read_header(folder_ / "header");
  if (!header) return McuError{"the MCU holds no complete application"};
  std::error_code error;
  if (fs::file_size(folder_ / "flash.bin", error) != header->size_bytes || error) {
    return McuError{"the MCU holds no complete application"};
  }
  std::array<std::byte, 8> vectors{};
  std::ifstream flash(folder_ / "flash.bin", std::ios::binary);
  flash.read(reinterpret_cast<char*>(vectors.data()), vectors.size());
  const bool starts = check_ == BootCheck::CortexM ? flash && has_cortex_m_vectors(vectors)
                                                   : !begins_with_erased_flash(vectors);
  if (!starts) {
    return McuError{"the application does not start: its vector table is broken"};
  }
  return header->version;
}

}  // namespace ota::sim
