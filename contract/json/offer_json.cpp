#include "contract/json/offer_json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "contract/json/json_text.hpp"

namespace ota::contract {
namespace {

using Json = nlohmann::json;

/// Collects the first thing that is wrong.
class Reader {
 public:
  explicit Reader(const Json& object) : object_(object) {}

  std::uint32_t number(std::string_view key, std::uint32_t low, std::uint32_t high,
                       std::optional<std::uint32_t> fallback = {}) {
    const Json* value = find(key, fallback.has_value());
    if (value == nullptr) return fallback.value_or(0);
    // 7.0 is what some tools make of 7: accepted; 7.5 is not.
    const bool integral =
        value->is_number_integer() ||
        (value->is_number_float() && std::trunc(value->get<double>()) == value->get<double>());
    if (!integral) return wrong(key, "must be an integer"), 0;
    const double as_double = value->get<double>();
    if (as_double < low || as_double > high) {
      return wrong(key, "must be in " + std::to_string(low) + " .. " + std::to_string(high)), 0;
    }
    return static_cast<std::uint32_t>(as_double);
  }

  template <std::size_t Capacity>
  FixedText<Capacity> text(std::string_view key, bool optional = false) {
    FixedText<Capacity> out;
    const Json* value = find(key, optional);
    if (value == nullptr) return out;
    if (!value->is_string()) {
      wrong(key, "must be a string");
    } else if (!out.assign(value->get_ref<const std::string&>())) {
      wrong(key, "is longer than " + std::to_string(Capacity) + " bytes");
    }
    return out;
  }

  void wrong(std::string_view key, const std::string& why) {
    if (error_.empty()) error_ = "offer: '" + std::string(key) + "' " + why;
  }
  const std::string& error() const { return error_; }

 private:
  const Json* find(std::string_view key, bool optional) {
    const auto it = object_.find(key);
    if (it == object_.end() || it->is_null()) {
      if (!optional) wrong(key, "is missing");
      return nullptr;
    }
    return &*it;
  }

  const Json& object_;
  std::string error_;
};

void check_url(Reader& reader, std::string_view url) {
  if (url.empty()) return;
  if (!url.starts_with("https://") && !url.starts_with("http://"))
    reader.wrong(offer_key::kUrl, "must begin with https://");
  if (url.find('?') != std::string_view::npos)
    reader.wrong(offer_key::kUrl, "must not contain a query; the token goes into 'sas'");
  for (const char c : url) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F)
      return reader.wrong(offer_key::kUrl, "contains white space or a control character");
  }
}

void check_sas(Reader& reader, std::string_view sas) {
  for (const char c : sas) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F)
      return reader.wrong(offer_key::kSas, "contains white space or a control character");
  }
}

}  // namespace

Result<Offer, OfferError> parse_offer(std::string_view json) {
  if (json.size() > kTwinSectionBytesMax)
    return OfferError{.detail = "offer: larger than a twin section can be"};
  const Json object = read_json(json);
  if (!object.is_object()) return OfferError{.detail = "offer: not a JSON object"};

  Reader reader(object);
  Offer offer;
  offer.version = reader.number(offer_key::kVersion, 1, kVersionMax);
  offer.size_bytes = reader.number(offer_key::kSize, 1, 0xFFFFFFFFU);
  offer.url = reader.text<kUrlBytesMax>(offer_key::kUrl);
  offer.sas = reader.text<kSasBytesMax>(offer_key::kSas);
  if (offer.sas.view().starts_with('?'))
    offer.sas = FixedText<kSasBytesMax>(offer.sas.view().substr(1));
  const auto sha256 = reader.text<64>(offer_key::kSha256);
  offer.product = reader.text<kProductBytesMax>(offer_key::kProduct, true);
  offer.mcu_version = reader.text<kMcuVersionBytesMax>(offer_key::kMcuVersion, true);
  offer.attempt = reader.number(offer_key::kAttempt, 0, kVersionMax, 0U);
  check_url(reader, offer.url);
  check_sas(reader, offer.sas);
  if (!sha256.empty()) {
    if (const auto digest = digest_from_hex(sha256)) {
      offer.sha256 = *digest;
    } else {
      reader.wrong(offer_key::kSha256, "must be 64 hex digits");
    }
  }
  if (offer.mcu_version.empty()) offer.mcu_version.append_number(offer.version);
  if (!reader.error().empty())
    return OfferError{Code::BadOffer, offer.version, offer.attempt, reader.error()};
  return offer;
}

std::string encode_offer(const Offer& offer) {
  Json object = {{offer_key::kVersion, offer.version},
                 {offer_key::kSize, offer.size_bytes},
                 {offer_key::kUrl, offer.url.view()},
                 {offer_key::kSas, offer.sas.view()},
                 {offer_key::kSha256, to_hex(offer.sha256)},
                 {offer_key::kMcuVersion, offer.mcu_version.view()}};
  if (!offer.product.empty()) object[std::string(offer_key::kProduct)] = offer.product.view();
  if (offer.attempt != 0) object[std::string(offer_key::kAttempt)] = offer.attempt;
  return object.dump();
}

}  // namespace ota::contract
