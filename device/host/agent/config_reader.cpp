#include "device/host/agent/config_reader.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace ota::agent {
namespace {

constexpr std::size_t kTyposMax = 3;

/// Levenshtein's distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

}  // namespace

void ConfigErrors::add(const toml::source_region& where, const std::string& text) {
  if (!where.begin) return add(text);
  lines_.push_back(path_ + ":" + std::to_string(where.begin.line) + ":" +
                   std::to_string(where.begin.column) + ": " + text);
}

std::string ConfigErrors::text() const {
  std::string out;
  for (const std::string& line : lines_) out += (out.empty() ? "" : "\n") + line;
  return out;
}

ConfigSection::ConfigSection(const toml::table& root, std::string_view name, ConfigErrors& errors)
    : name_(name), errors_(errors) {
  const toml::node* node = root.get(name);
  if (node == nullptr) return;
  table_ = node->as_table();
  if (table_ == nullptr) {
    errors_.add(node->source(), "'" + name_ + "' must be a section: write [" + name_ + "]");
  }
}

bool ConfigSection::has(std::string_view key) const {
  return table_ != nullptr && table_->contains(key);
}

const toml::node* ConfigSection::find(std::string_view key) {
  known_.emplace_back(key);
  return table_ == nullptr ? nullptr : table_->get(key);
}

void ConfigSection::wrong(std::string_view key, const toml::node& node,
                          const std::string& expected) {
  errors_.add(node.source(), name_ + "." + std::string(key) + ": expected " + expected);
}

std::string ConfigSection::text(std::string_view key, std::string fallback) {
  const toml::node* node = find(key);
  if (node == nullptr) return fallback;
  if (const auto value = node->value_exact<std::string>(); value && !value->empty()) return *value;
  wrong(key, *node, "a text that is not empty");
  return fallback;
}

std::string ConfigSection::required_text(std::string_view key, std::string_view expected) {
  if (has(key)) return text(key);
  known_.emplace_back(key);
  const std::string what =
      "[" + name_ + "] needs " + std::string(key) + ": " + std::string(expected);
  if (table_ != nullptr) {
    errors_.add(table_->source(), what);
  } else {
    errors_.add(what);
  }
  return {};
}

bool ConfigSection::boolean(std::string_view key, bool fallback) {
  const toml::node* node = find(key);
  if (node == nullptr) return fallback;
  if (const auto value = node->value_exact<bool>()) return *value;
  wrong(key, *node, "true or false");
  return fallback;
}

std::int64_t ConfigSection::integer(std::string_view key, Range range, std::int64_t fallback) {
  const toml::node* node = find(key);
  if (node == nullptr) return fallback;
  const auto value = node->value_exact<std::int64_t>();
  if (value && *value >= range.low && *value <= range.high) return *value;
  wrong(key, *node,
        "a whole number from " + std::to_string(range.low) + " to " + std::to_string(range.high));
  return fallback;
}

std::uint64_t ConfigSection::rate(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return 0;
  if (const auto value = node->value_exact<std::int64_t>(); value && *value >= 0) {
    return static_cast<std::uint64_t>(*value);
  }
  if (const auto text = node->value_exact<std::string>()) {
    std::uint32_t number = 0;
    const char* const end = text->data() + text->size();
    const auto [rest, error] = std::from_chars(text->data(), end, number);
    const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
    if (error == std::errc{} && unit.empty()) return number;
    if (error == std::errc{} && (unit == "k" || unit == "K")) return std::uint64_t{number} << 10U;
    if (error == std::errc{} && unit == "M") return std::uint64_t{number} << 20U;
  }
  wrong(key, *node, "bytes per second: a whole number, or a text such as \"256k\" or \"2M\"");
  return 0;
}

std::size_t ConfigSection::choice(std::string_view key,
                                  std::initializer_list<std::string_view> words) {
  const toml::node* node = find(key);
  if (node == nullptr) return 0;
  const auto value = node->value_exact<std::string>();
  const auto found = value ? std::find(words.begin(), words.end(), *value) : words.end();
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  std::string expected;
  for (const auto word : words) {
    expected += (expected.empty() ? "\"" : " or \"") + std::string(word) + "\"";
  }
  wrong(key, *node, expected);
  return 0;
}

void ConfigSection::finish() {
  if (table_ == nullptr) return;
  for (const auto& [key, node] : *table_) {
    const std::string word(key.str());
    if (std::find(known_.begin(), known_.end(), word) != known_.end()) continue;
    const std::string guess = nearest(word, known_);
    errors_.add(key.source(), "[" + name_ + "] has no key '" + word + "'" +
                                  (guess.empty() ? "" : "; did you mean '" + guess + "'?"));
  }
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = kTyposMax + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t typos = distance(word, candidate);
    if (typos < best_distance && typos < candidate.size()) {
      best = candidate;
      best_distance = typos;
    }
  }
  return best;
}

}  // namespace ota::agent
