#include "cloud/hub/files/disk_worker.hpp"

#include <utility>

namespace ota::hub {

DiskWorker::~DiskWorker() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void DiskWorker::run(Step on_disk, Step afterwards) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back({std::move(on_disk), std::move(afterwards)});
  }
  changed_.notify_one();
}

std::size_t DiskWorker::waiting() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

void DiskWorker::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    Job& job = jobs_.front();  // Stays where it is while others are added behind it.
    lock.unlock();
    std::exchange(job.on_disk, nullptr)();  // What it held goes before the loop hears of it.
    post_(std::move(job.afterwards));
    lock.lock();
    jobs_.pop_front();
  }
}

}  // namespace ota::hub
