// The agent's state file, as a damaged disk may leave it. Properties: it never keeps the agent from
// starting, its words and codes are ones that exist, and what is written over it is read back.

#include <spdlog/spdlog.h>

#include <cstdint>
#include <fstream>
#include <string>

#include "base/bytes.hpp"
#include "cloud/hub/files/scratch_directory.hpp"
#include "device/host/agent/state_file.hpp"
#include "fuzz/require.hpp"

namespace {

using namespace ota;
using fuzz::require;

void check(const engine::Truth& truth) {
  require(static_cast<std::size_t>(truth.refusal.code) < contract::kCodeCount);
  require(static_cast<std::size_t>(truth.outcome.code) < contract::kCodeCount);
  require(truth.outcome.status <= contract::StatusWord::Error);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spdlog::set_level(spdlog::level::off);
  static const hub::ScratchDirectory scratch;
  const std::string path = scratch.path() + "/state.json";
  std::ofstream(path, std::ios::binary) << text_of(std::as_bytes(std::span(data, size)));

  agent::StateFile state(path);
  const auto truth = state.load();
  if (truth) check(*truth);
  const auto assignment = state.assignment();
  state.set_time(1'800'000'000);

  agent::StateFile again(path);
  require(again.saved_at() == 1'800'000'000);
  require(again.load() == truth && again.assignment() == assignment);
  return 0;
}
