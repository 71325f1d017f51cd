// mcu-ota-agent import FILE VERSION.

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "device/host/agent/device.hpp"
#include "device/host/agent/device_locks.hpp"
#include "device/host/agent/flash_commands.hpp"
#include "device/host/agent/state_file.hpp"

namespace ota::agent {
namespace {

ExitCode give_up(const std::string& why, ExitCode code) {
  std::fprintf(stderr, "mcu-ota-agent: %s\n", why.c_str());
  return code;
}

class MemorySource final : public mcu::ImageSource {
 public:
  explicit MemorySource(Bytes image) noexcept : image_(image) {}

  Result<std::size_t> read(std::uint32_t offset, MutableBytes out) noexcept override {
    if (offset > image_.size()) return Errc::OutOfRange;
    const std::size_t count = std::min(out.size(), image_.size() - offset);
    std::copy_n(image_.data() + offset, count, out.data());
    return count;
  }

 private:
  Bytes image_;
};

/// Nobody listens: the hub hears of the image from the next start of the agent.
class Silence final : public engine::ReportSink {
 public:
  void report(const contract::Report&, std::uint32_t) noexcept override {}
};

Result<std::vector<std::byte>, std::string> read_image(const std::string& path) {
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  if (!stream) return path + ": cannot be read";
  const std::streamoff size = stream.tellg();
  if (size <= 0) return path + ": is empty; an image has at least one byte";
  if (size > std::streamoff{contract::kImageBytesMax}) {
    return path + ": larger than any flash chip that is supported (16 MiB)";
  }
  std::vector<std::byte> image(static_cast<std::size_t>(size));
  stream.seekg(0);
  stream.read(reinterpret_cast<char*>(image.data()), size);
  if (!stream) return path + ": cannot be read";
  return image;
}

}  // namespace

ExitCode import_image(const Config& config, const OpenFlash& open_flash,
                      const ImportRequest& request, bool yes) {
  if (request.version == 0 || request.version > contract::kVersionMax) {
    return give_up("VERSION must be 1 .. 2147483647", ExitCode::Usage);
  }
  const auto image = read_image(request.file);
  if (!image) return give_up(image.error(), ExitCode::Usage);
  store::ImageIdentity identity;
  identity.version = request.version;
  identity.size_bytes = static_cast<std::uint32_t>(image->size());
  identity.sha256 = sha256(*image);
  if (request.mcu_version.empty()) {
    identity.mcu_version.append_number(request.version);
  } else if (!identity.mcu_version.assign(request.mcu_version)) {
    return give_up("--mcu-version: at most 48 bytes", ExitCode::Usage);
  }
  if (!yes) {
    return give_up("this replaces the image that a rollback goes back to; run again with --yes",
                   ExitCode::Refused);
  }

  const auto locks = DeviceLocks::acquire(config);
  if (!locks) return give_up(locks.error().detail, exit_code_of(locks.error()));
  const auto flash = open_flash(config.flash);
  if (!flash) return give_up(flash.error(), ExitCode::Usage);
  const auto events = EventLog::open({});
  StateFile state(config.state_file);
  FetchMeter meter(config.state_file + ".fetched");
  Silence silence;
  const auto device =
      std::make_unique<Device>(config, Device::Ports{**flash, silence, state, **events, meter});
  device->updater().start();
  MemorySource source(*image);
  if (const auto imported = device->updater().import_image(identity, source); !imported) {
    const bool busy = imported.error() == Errc::Busy;
    return give_up(busy ? std::string("an update is under way; let the agent finish it first")
                        : std::string("the image was not stored: ") + to_text(imported.error()),
                   busy ? ExitCode::Conflict : ExitCode::Failed);
  }
  std::printf("version %u (%u bytes) is now the image that a rollback goes back to\n",
              identity.version, identity.size_bytes);
  return ExitCode::Ok;
}

}  // namespace ota::agent
