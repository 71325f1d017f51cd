#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "sim/flash/flash_stats.hpp"

namespace ota::sim {

/// The image file and the file of its life, both mapped and shared with the system: what is written
/// here survives the death of the process. The lock on the image ends with the object.
class FlashFile {
 public:
  static Result<std::unique_ptr<FlashFile>, std::string> open(const std::string& path);
  ~FlashFile();
  FlashFile(const FlashFile&) = delete;
  FlashFile& operator=(const FlashFile&) = delete;

  std::byte* cells() noexcept { return cells_; }
  FlashStats& stats() noexcept { return *stats_; }

 private:
  FlashFile() = default;
  bool map_image(const std::string& path, std::string& problem);
  bool map_stats(const std::string& path, std::string& problem);

  int image_ = -1;
  int life_ = -1;
  std::byte* cells_ = nullptr;
  void* life_page_ = nullptr;
  FlashStats* stats_ = nullptr;
};

}  // namespace ota::sim
