#pragma once

// Reads typed values from a TOML table and collects every mistake with its place.

#include <toml++/toml.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace ota::agent {

/// The mistakes of one file.
class ConfigErrors {
 public:
  explicit ConfigErrors(std::string path) : path_(std::move(path)) {}

  /// "file:line:column: text"; without a place only the file is named.
  void add(const toml::source_region& where, const std::string& text);
  void add(const std::string& text) { lines_.push_back(path_ + ": " + text); }

  bool empty() const noexcept { return lines_.empty(); }
  std::string text() const;

 private:
  std::string path_;
  std::vector<std::string> lines_;
};

/// One [section]. Every key that was asked for is known; finish() complains about the others.
class ConfigSection {
 public:
  struct Range {
    std::int64_t low;
    std::int64_t high;
  };

  /// An absent section reads as empty.
  ConfigSection(const toml::table& root, std::string_view name, ConfigErrors& errors);

  bool present() const noexcept { return table_ != nullptr; }
  bool has(std::string_view key) const;

  std::string text(std::string_view key, std::string fallback = {});
  std::string required_text(std::string_view key, std::string_view expected);
  bool boolean(std::string_view key, bool fallback);
  std::int64_t integer(std::string_view key, Range range, std::int64_t fallback);

  /// Bytes per second: an integer, or a text such as "256k" or "2M" (powers of 1024).
  std::uint64_t rate(std::string_view key);

  /// The index of the chosen word.
  std::size_t choice(std::string_view key, std::initializer_list<std::string_view> words);

  void finish();

 private:
  const toml::node* find(std::string_view key);
  void wrong(std::string_view key, const toml::node& node, const std::string& expected);

  const toml::table* table_ = nullptr;
  std::string name_;
  ConfigErrors& errors_;
  std::vector<std::string> known_;
};

/// The word of `candidates` that `word` is probably meant to be; empty if none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace ota::agent
