#pragma once

#include <string>
#include <string_view>

#include "cloud/rollout/failure.hpp"

namespace ota::rollout {

/// A new file of mode 0600 in the folder for temporary files; it goes with this object.
class ScratchFile {
 public:
  /// @errors Failed: the folder ($TMPDIR, else /tmp) cannot be written
  static Outcome<ScratchFile> open();
  ScratchFile(ScratchFile&& other) noexcept;
  ScratchFile& operator=(ScratchFile&&) = delete;
  ~ScratchFile();

  const std::string& path() const { return path_; }
  /// @returns false: see problem()
  bool append(std::string_view bytes);
  /// Why a write failed: a sentence; empty: none did.
  const std::string& problem() const { return problem_; }

 private:
  ScratchFile(std::string path, int file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  int file_ = -1;
  std::string problem_;
};

}  // namespace ota::rollout
