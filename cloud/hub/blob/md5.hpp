#pragma once

// MD5 as Blob Storage uses it: against damage on the way, not against attackers.

#include <memory>
#include <string>

#include "base/bytes.hpp"

struct evp_md_ctx_st;

namespace ota::hub {

class Md5 {
 public:
  Md5();
  void update(Bytes bytes);
  /// base64; the object must not be fed again.
  std::string finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace ota::hub
