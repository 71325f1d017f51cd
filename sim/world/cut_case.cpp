#include "sim/world/cut_case.hpp"

#include <array>

#include "base/text.hpp"

namespace ota::sim {
namespace {

constexpr std::array<std::string_view, kStepCount> kStepWords = {"flash", "mcu", "disk", "net",
                                                                 "hub"};

/// Takes the text before `separator` off the front of `rest`.
std::string_view take(std::string_view& rest, char separator) {
  const std::size_t at = rest.find(separator);
  const std::string_view word = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return word;
}

std::string text_of(const Cut& cut) {
  std::string text(kStepWords[static_cast<std::size_t>(cut.step)]);
  text += "@" + std::to_string(cut.at);
  text += cut.kind == Cut::Kind::Power ? "/power" : "/reset";
  if (cut.tear.program) text += "/p" + std::to_string(static_cast<int>(*cut.tear.program));
  if (cut.tear.erase) text += "/e" + std::to_string(static_cast<int>(*cut.tear.erase));
  return text + "/s" + std::to_string(cut.tear.tear_seed);
}

bool read_detail(std::string_view word, Cut& cut) {
  if (word == "power" || word == "reset") {
    cut.kind = word == "power" ? Cut::Kind::Power : Cut::Kind::HostReset;
    return true;
  }
  const auto value = word.empty() ? std::nullopt : read_number<std::uint64_t>(word.substr(1));
  if (!value) return false;
  if (word[0] == 's') {
    cut.tear.tear_seed = *value;
  } else if (word[0] == 'p' && *value < kProgramTearCount) {
    cut.tear.program = static_cast<ProgramTear>(*value);
  } else if (word[0] == 'e' && *value < kEraseTearCount) {
    cut.tear.erase = static_cast<EraseTear>(*value);
  } else {
    return false;
  }
  return true;
}

std::optional<Cut> parse_cut(std::string_view text) {
  std::string_view place = take(text, '/');
  const std::string_view word = take(place, '@');
  Cut cut;
  const auto at = read_number<std::uint64_t>(place);
  if (!at) return std::nullopt;
  cut.at = *at;
  bool known = false;
  for (std::size_t step = 0; step < kStepCount; ++step) {
    if (word != kStepWords[step]) continue;
    cut.step = static_cast<Step>(step);
    known = true;
  }
  while (known && !text.empty()) known = read_detail(take(text, '/'), cut);
  return known ? std::optional(cut) : std::nullopt;
}

}  // namespace

std::string to_text(const CutCase& life) {
  std::string text = std::string(to_text(life.story)) + ":" + std::to_string(life.seed);
  for (const Cut& cut : life.cuts) text += "," + text_of(cut);
  return text;
}

std::optional<CutCase> parse_cut_case(std::string_view text) {
  std::string_view head = take(text, ',');
  const auto story = parse_story(take(head, ':'));
  const auto seed = read_number<std::uint64_t>(head);
  if (!story || !seed) return std::nullopt;
  CutCase life{.story = *story, .seed = *seed, .cuts = {}};
  while (!text.empty()) {
    const auto cut = parse_cut(take(text, ','));
    if (!cut) return std::nullopt;
    life.cuts.push_back(*cut);
  }
  return life;
}

}  // namespace ota::sim
