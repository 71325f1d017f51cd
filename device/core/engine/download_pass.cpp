#include "device/core/engine/download_pass.hpp"

namespace ota::engine {

using fetch::HeadVerdict;
using fetch::Verdict;

Verdict DownloadPass::keep(Status status, Verdict otherwise) noexcept {
  storage_ = status;
  return storage_ ? otherwise : Verdict::Stop;
}

Verdict DownloadPass::on_head(const fetch::ResponseHead& head) noexcept {
  switch (download_.judge(head)) {
    case HeadVerdict::Append:
      return keep(store_.set_candidate_etag(download_.etag()), Verdict::Continue);
    case HeadVerdict::Restart:
      return keep(store_.restart_candidate(download_.etag()), Verdict::Continue);
    case HeadVerdict::Drop:
      return keep(store_.restart_candidate({}), Verdict::Stop);
    case HeadVerdict::Refuse:
      return Verdict::Stop;
  }
  return Verdict::Stop;
}

Verdict DownloadPass::on_body(Bytes received) noexcept {
  if (!storage_) return Verdict::Stop;
  const Bytes ours = download_.accept(received);
  if (!ours.empty()) {
    if (keep(store_.append(ours), Verdict::Continue) == Verdict::Stop) return Verdict::Stop;
    listener_.on_stored(store_.candidate_bytes());
  }
  // More than the image: the server lies about its length, and the rest is of no use.
  return ours.size() < received.size() ? Verdict::Stop : Verdict::Continue;
}

}  // namespace ota::engine
