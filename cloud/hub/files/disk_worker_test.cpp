#include "cloud/hub/files/disk_worker.hpp"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

namespace ota::hub {
namespace {

/// Steps that the worker wants to have called, called by the test.
class Loop {
 public:
  void post(DiskWorker::Step step) {
    {
      const std::lock_guard lock(mutex_);
      steps_.push_back(std::move(step));
    }
    changed_.notify_one();
  }
  void run_one() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !steps_.empty(); });
    const DiskWorker::Step step = std::move(steps_.front());
    steps_.pop_front();
    lock.unlock();
    step();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<DiskWorker::Step> steps_;
};

TEST(DiskWorker, WorksInItsOwnThreadAndInOrder) {
  Loop loop;
  DiskWorker worker([&loop](DiskWorker::Step step) { loop.post(std::move(step)); });
  std::vector<std::thread::id> threads;
  std::string order;
  for (const char name : {'a', 'b', 'c'}) {
    worker.run([&threads] { threads.push_back(std::this_thread::get_id()); },
               [&order, name] { order += name; });
  }
  for (int i = 0; i < 3; ++i) loop.run_one();
  EXPECT_EQ(order, "abc");
  ASSERT_EQ(threads.size(), 3U);
  EXPECT_NE(threads.front(), std::this_thread::get_id());
}

TEST(DiskWorker, DoesNotHoldUpWhoAsks) {
  Loop loop;
  DiskWorker worker([&loop](DiskWorker::Step step) { loop.post(std::move(step)); });
  std::promise<void> disk;
  worker.run([&disk] { disk.get_future().wait(); }, [] {});
  worker.run([] {}, [] {});
  EXPECT_EQ(worker.waiting(), 2U);
  disk.set_value();
  loop.run_one();
  loop.run_one();
}

TEST(DiskWorker, FinishesWhatWaitsAtItsEnd) {
  int done = 0;
  {
    DiskWorker worker([](const DiskWorker::Step&) {});
    for (int i = 0; i < 10; ++i) worker.run([&done] { ++done; }, [] {});
  }
  EXPECT_EQ(done, 10);
}

}  // namespace
}  // namespace ota::hub
