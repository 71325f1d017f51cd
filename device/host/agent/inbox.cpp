#include "device/host/agent/inbox.hpp"

#include <utility>

namespace ota::agent {

void UpdateInbox::put_wish(net::Wish wish) {
  const std::lock_guard lock(mutex_);
  if (last_wish_ != wish) cancel_.request();
  last_wish_ = wish;
  mail_.wish = std::move(wish);
  arrived_.notify_one();
}

void UpdateInbox::put_acknowledged(const std::vector<std::uint32_t>& numbers) {
  if (numbers.empty()) return;
  const std::lock_guard lock(mutex_);
  mail_.acknowledged.insert(mail_.acknowledged.end(), numbers.begin(), numbers.end());
  arrived_.notify_one();
}

void UpdateInbox::put_stop() {
  const std::lock_guard lock(mutex_);
  mail_.stop = true;
  cancel_.request();
  arrived_.notify_one();
}

UpdateInbox::Mail UpdateInbox::take(std::optional<Duration> wait) {
  std::unique_lock lock(mutex_);
  const auto has_mail = [this] { return mail_.stop || mail_.wish || !mail_.acknowledged.empty(); };
  if (wait) {
    arrived_.wait_for(lock, *wait, has_mail);
  } else {
    arrived_.wait(lock, has_mail);
  }
  if (!mail_.stop) cancel_.reset();  // The end stays the end.
  return std::exchange(mail_, Mail{.wish = {}, .acknowledged = {}, .stop = mail_.stop});
}

void CloudInbox::put_report(net::Report report) {
  const std::lock_guard lock(mutex_);
  std::erase_if(reports_, [&report](const net::Report& older) { return overtakes(report, older); });
  reports_.push_back(std::move(report));
}

void CloudInbox::put_stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  stop_.notify_all();
}

std::vector<net::Report> CloudInbox::take_reports() {
  const std::lock_guard lock(mutex_);
  return std::exchange(reports_, {});
}

bool CloudInbox::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

bool CloudInbox::wait_for_stop(Duration wait) {
  std::unique_lock lock(mutex_);
  return stop_.wait_for(lock, wait, [this] { return stopped_; });
}

}  // namespace ota::agent
