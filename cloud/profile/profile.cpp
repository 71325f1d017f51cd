#include "cloud/profile/profile.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <vector>

namespace ota::profile {
namespace {

using Member = std::string Profile::*;
struct Key {
  std::string_view name;
  Member member;
};
constexpr std::array<Key, 8> kKeys = {{
    {"iothub_connection_string", &Profile::iothub_connection_string},
    {"storage_connection_string", &Profile::storage_connection_string},
    {"dps_connection_string", &Profile::dps_connection_string},
    {"dps_host", &Profile::dps_host},
    {"id_scope", &Profile::id_scope},
    {"enrollment_group_id", &Profile::enrollment_group_id},
    {"enrollment_group_key", &Profile::enrollment_group_key},
    {"ca_file", &Profile::ca_file},
}};

constexpr std::array<std::string_view, 2> kKinds = {"local", "azure"};  // in the order of Kind
constexpr std::array<std::string_view, 4> kTiers = {"F1", "S1", "S2", "S3"};

/// A profile is a few hundred bytes; whatever is larger is another file.
constexpr std::size_t kProfileBytesMax = 64 * 1024;

std::string reason(int error) { return std::strerror(error); }

/// Owns a descriptor for the time of one function.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

std::string to_toml(const Profile& profile) {
  toml::table table;
  table.insert("kind", kKinds[static_cast<std::size_t>(profile.kind)]);
  if (!profile.tier.empty()) table.insert("tier", profile.tier);
  if (!profile.tier.empty() || profile.units != 1) table.insert("units", profile.units);
  for (const Key& key : kKeys) {
    if (!(profile.*key.member).empty()) table.insert(key.name, profile.*key.member);
  }
  std::ostringstream out;
  out << "# How the mcu-ota commands reach the hub. It holds keys: keep it private (mode 0600).\n"
      << table << "\n";
  return out.str();
}

std::string position(const toml::source_position& at) {
  return "line " + std::to_string(at.line) + ", column " + std::to_string(at.column);
}

/// No address and no key has one, and the TOML library does not write all of them back.
bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

/// Errors: what the value must be.
Result<Ok, std::string> take_number(const toml::node& node, Profile& profile) {
  const auto* number = node.as_integer();
  if (number == nullptr || number->get() < 1 || number->get() > kUnitsMax) {
    return "must be a number from 1 to " + std::to_string(kUnitsMax);
  }
  profile.units = static_cast<std::uint32_t>(number->get());
  return Ok{};
}

/// Errors: what the value must be, or that there is no such key.
Result<Ok, std::string> take_text(std::string_view name, const toml::node& node, Profile& profile) {
  const auto* known =
      std::find_if(kKeys.begin(), kKeys.end(), [name](const Key& key) { return key.name == name; });
  if (known == kKeys.end() && name != "kind" && name != "tier") {
    return std::string("is not a key of a profile; correct or remove it");
  }
  if (!node.is_string()) return std::string("must be a text in quotes");
  const std::string& text = node.as_string()->get();
  if (has_control_character(text)) {
    return std::string("holds a line end or another control character; remove it");
  }
  if (name == "kind") {
    const auto* kind = std::find(kKinds.begin(), kKinds.end(), text);
    if (kind == kKinds.end()) return std::string("must be \"local\" or \"azure\"");
    profile.kind = static_cast<Kind>(kind - kKinds.begin());
  } else if (name == "tier") {
    if (std::find(kTiers.begin(), kTiers.end(), text) == kTiers.end()) {
      return std::string("must be \"F1\", \"S1\", \"S2\" or \"S3\"");
    }
    profile.tier = text;
  } else {
    profile.*known->member = text;
  }
  return Ok{};
}

Result<Ok, std::string> take(const toml::table& table, const std::string& path, Profile& profile) {
  for (const auto& [name, node] : table) {
    const auto taken =
        name.str() == "units" ? take_number(node, profile) : take_text(name.str(), node, profile);
    if (!taken) {
      return "profile " + path + ", " + position(name.source().begin) + ": '" +
             std::string(name.str()) + "' " + taken.error();
    }
  }
  return Ok{};
}

struct Content {
  std::string text;
};

Result<Content, std::string> read_content(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open() && (errno == ENOENT || errno == ENOTDIR)) {
    return "there is no profile at " + path +
           "; start `mcu-ota hub`, run scripts/setup_resources.sh, name another with --profile, or "
           "set "
           "AZURE_IOTHUB_CONNECTIONSTRING and AZURE_STORAGE_CONNECTIONSTRING";
  }
  const std::string advice = "; check its owner and mode (it should be 0600 and yours)";
  if (!file.is_open()) return "cannot read profile " + path + ": " + reason(errno) + advice;
  std::string text(kProfileBytesMax + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = ::read(file.get(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return "cannot read profile " + path + ": " + reason(errno) + advice;
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  if (size > kProfileBytesMax)
    return "profile " + path + " is larger than 64 KiB; is it a profile?";
  text.resize(size);
  return Content{std::move(text)};
}

}  // namespace

std::string default_path() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read at start
    return value == nullptr ? "" : value;
  };
  if (const std::string path = variable("MCU_OTA_PROFILE"); !path.empty()) return path;
  if (const std::string folder = variable("XDG_CONFIG_HOME"); !folder.empty()) {
    return folder + "/mcu-ota/profile.toml";
  }
  return variable("HOME") + "/.config/mcu-ota/profile.toml";
}

Result<Ok, std::string> write(const Profile& profile, const std::string& path) {
  const auto failed = [&path](const std::string& why) {
    return "cannot write profile " + path + ": " + why +
           "; make its folder writable or choose another path";
  };
  std::error_code folder_error;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, folder_error);
  if (folder_error) return failed(folder_error.message());

  // mkostemp makes the file with mode 0600; the rename shows either the old or the new profile.
  std::string draft = path + ".XXXXXX";
  const File file(::mkostemp(draft.data(), O_CLOEXEC));
  if (!file.is_open()) return failed(reason(errno));
  if (!write_all(file.get(), to_toml(profile)) || ::fsync(file.get()) != 0 ||
      ::rename(draft.c_str(), path.c_str()) != 0) {
    const std::string why = reason(errno);
    ::unlink(draft.c_str());
    return failed(why);
  }
  return Ok{};
}

Result<Profile, std::string> read(const std::string& path) {
  OTA_TRY(const Content content, read_content(path));
  Profile profile;
  try {
    const toml::table table = toml::parse(content.text, path);
    OTA_TRY(take(table, path, profile));
  } catch (const toml::parse_error& error) {
    return "profile " + path + ", " + position(error.source().begin) + ": " +
           std::string(error.description()) + "; correct it, or let `mcu-ota hub` write it again";
  }
  return profile;
}

}  // namespace ota::profile
