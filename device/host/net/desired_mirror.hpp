#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ota::net {

/// A copy of the twin's desired section: taken whole, then kept up to date with patches in order of
/// `$version`.
class DesiredMirror {
 public:
  enum class Change : std::uint8_t {
    Applied,
    Stale,      // already contained
    Gap,        // a patch in between is missing: the twin must be fetched again
    Malformed,  // not JSON, not an object, or too large
  };

  /// Takes the body of a twin GET: {"desired":{..,"$version":n},..}.
  Change replace(std::string_view twin);

  /// Merges a patch (RFC 7386): null removes a key.
  Change merge(std::uint64_t version, std::string_view patch);

  /// The value of one property as JSON text; nothing if the twin does not hold it.
  std::optional<std::string> property(std::string_view name) const;

  std::uint64_t version() const noexcept { return version_; }

 private:
  std::string desired_ = "{}";  // as text: the header stays free of the JSON library
  std::uint64_t version_ = 0;
};

}  // namespace ota::net
