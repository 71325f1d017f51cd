#pragma once

#include <string>

#include "cli/context.hpp"
#include "cloud/rollout/deploy.hpp"

namespace ota::cli {

/// One line on standard error that fills up; silent where nobody watches.
class ProgressBar final : public rollout::DeployObserver {
 public:
  explicit ProgressBar(const Context& context);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar();

  void uploading(std::uint64_t done_bytes, std::uint64_t total_bytes) override;

 private:
  bool draws_;
  int percent_drawn_ = -1;
};

/// "uploading [#####.....]  50 %  2.0 of 4.0 MiB"
std::string progress_line(std::uint64_t done_bytes, std::uint64_t total_bytes);

}  // namespace ota::cli
