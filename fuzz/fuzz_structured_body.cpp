// A structured body, split at a place that the input chooses: what is read does not depend on the
// cut, and content that was read whole is what the hub sends back in a structure.
//
// Input: a byte for the cut, a byte for the announced size of the content, the message.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "cloud/hub/blob/structured_body.hpp"
#include "fuzz/require.hpp"

namespace {

using namespace ota;

struct Outcome {
  std::string code;
  std::string content;
  bool operator==(const Outcome&) const = default;
};

Outcome read(std::uint64_t announced, std::string_view first, std::string_view second) {
  hub::StructuredReader reader(announced);
  Outcome out;
  const auto keep = [&](Bytes piece) -> hub::BlobResult<Ok> {
    out.content += text_of(piece);
    fuzz::require(!piece.empty() && out.content.size() <= announced);
    return Ok{};
  };
  for (const std::string_view piece : {first, second}) {
    if (const auto taken = reader.take(bytes_of(piece), keep); !taken)
      return {taken.error().code, ""};
  }
  if (const auto complete = reader.finish(); !complete) return {complete.error().code, ""};
  fuzz::require(out.content.size() == announced);
  return out;
}

class TextSource final : public hub::BodySource {
 public:
  explicit TextSource(std::string_view text) : left_(text), size_bytes_(text.size()) {}
  std::uint64_t size() const override { return size_bytes_; }
  Result<std::size_t, std::string> read(MutableBytes into) override {
    const std::size_t size = std::min(into.size(), left_.size());
    std::copy_n(bytes_of(left_).begin(), size, into.begin());
    left_.remove_prefix(size);
    return size;
  }

 private:
  std::string_view left_;
  std::uint64_t size_bytes_;
};

std::string message_of(std::string_view content) {
  hub::StructuredSource source(std::make_unique<TextSource>(content));
  std::string out(static_cast<std::size_t>(source.size()), '\0');
  for (std::size_t done = 0; done < out.size();) {
    const auto size = source.read(std::as_writable_bytes(std::span(out)).subspan(done));
    fuzz::require(size && size.value() > 0);
    done += size.value();
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes = text_of(std::as_bytes(std::span(data + 2, size - 2)));
  const std::size_t cut = bytes.empty() ? 0 : data[0] % bytes.size();
  const Outcome whole = read(data[1], bytes, {});
  fuzz::require(whole == read(data[1], bytes.substr(0, cut), bytes.substr(cut)));
  const Outcome back = read(bytes.size(), message_of(bytes), {});
  fuzz::require(back.code.empty() && back.content == bytes);
  return 0;
}
