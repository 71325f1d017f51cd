#pragma once

#include "base/result.hpp"
#include "device/core/fetch/download.hpp"
#include "device/core/fetch/transport.hpp"
#include "device/core/store/store.hpp"

namespace ota::engine {

/// Told of every piece that was stored.
class StoredListener {
 public:
  virtual void on_stored(std::uint32_t candidate_bytes) noexcept = 0;

 protected:
  ~StoredListener() = default;
};

/// Carries one answer from the transport through the download rules onto the flash.
class DownloadPass final : public fetch::Receiver {
 public:
  DownloadPass(fetch::Download& download, store::Store& store, StoredListener& listener) noexcept
      : download_(download), store_(store), listener_(listener) {}

  fetch::Verdict on_head(const fetch::ResponseHead& head) noexcept override;
  fetch::Verdict on_body(Bytes received) noexcept override;

  /// What the flash said; an error ended the transfer.
  const Status& storage() const noexcept { return storage_; }

 private:
  fetch::Verdict keep(Status status, fetch::Verdict otherwise) noexcept;

  fetch::Download& download_;
  store::Store& store_;
  StoredListener& listener_;
  Status storage_ = Ok{};
};

}  // namespace ota::engine
