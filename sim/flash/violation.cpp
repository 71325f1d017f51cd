#include "sim/flash/violation.hpp"

#include <cstdio>
#include <numeric>

namespace ota::sim {

const char* to_text(Violation violation) noexcept {
  switch (violation) {
    case Violation::WriteWhileBusy:
      return "write command while busy";
    case Violation::ReadWhileBusy:
      return "read while busy";
    case Violation::WriteWithoutEnable:
      return "program or erase without write enable";
    case Violation::WriteProtected:
      return "program or erase of a protected range";
    case Violation::ProgramOverProgrammed:
      return "program over programmed bytes";
    case Violation::ProgramOverUnstable:
      return "program over cells that an interrupted erase left unstable";
    case Violation::PageWrap:
      return "program over a page end";
    case Violation::AddressWrap:
      return "read over the end of the part";
    case Violation::WhileAsleep:
      return "command while the part does not listen";
    case Violation::Malformed:
      return "frame too short";
  }
  return "unknown";
}

void Violations::record(Violation violation, std::uint32_t address) noexcept {
  const auto index = static_cast<std::uint8_t>(violation);
  if (counts_[index]++ == 0) first_address_[index] = address;
}

std::uint32_t Violations::total() const noexcept {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint32_t{0});
}

std::string Violations::describe() const {
  std::string text;
  for (std::uint8_t i = 0; i < kViolationCount; ++i) {
    if (counts_[i] == 0) continue;
    std::array<char, 96> line{};
    std::snprintf(line.data(), line.size(), "%s%u x %s (first at %06Xh)", text.empty() ? "" : ", ",
                  static_cast<unsigned>(counts_[i]), to_text(static_cast<Violation>(i)),
                  static_cast<unsigned>(first_address_[i]));
    text += line.data();
  }
  return text.empty() ? "none" : text;
}

}  // namespace ota::sim
