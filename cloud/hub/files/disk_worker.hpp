#pragma once

// A thread for work that waits for the disk, so that the event loop does not.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace ota::hub {

class DiskWorker {
 public:
  using Step = std::function<void()>;
  /// Has a step called on the event loop. @thread any
  using Post = std::function<void(Step)>;

  explicit DiskWorker(Post post) : post_(std::move(post)), thread_([this] { work(); }) {}
  DiskWorker(const DiskWorker&) = delete;
  DiskWorker& operator=(const DiskWorker&) = delete;
  /// What waits is still done; nobody is told.
  ~DiskWorker();

  /// `on_disk` runs in the worker's thread, in the order of the calls, and must not throw; then
  /// `afterwards` on the event loop.
  void run(Step on_disk, Step afterwards);

  /// Jobs that wait or are being done.
  std::size_t waiting() const;

 private:
  struct Job {
    Step on_disk;
    Step afterwards;
  };
  void work();

  Post post_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;  // the first one is being done
  bool ending_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace ota::hub
