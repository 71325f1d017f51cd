#include "contract/azure/sas.hpp"

#include <array>
#include <chrono>
#include <cstdio>

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "contract/azure/percent.hpp"

namespace ota::contract {
namespace {

constexpr std::string_view kScheme = "SharedAccessSignature ";
constexpr std::string_view kBlobSasVersion = "2021-12-02";

std::string sign(Bytes key, std::string_view text) {
  return to_base64(hmac_sha256(key, bytes_of(text)));
}

}  // namespace

std::string make_hub_sas(std::string_view resource, Bytes key, UnixSeconds expiry,
                         std::string_view policy) {
  const std::string encoded = percent_encode(resource);
  const std::string end = std::to_string(expiry);
  std::string token(kScheme);
  token +=
      "sr=" + encoded + "&sig=" + percent_encode(sign(key, encoded + "\n" + end)) + "&se=" + end;
  if (!policy.empty()) token += "&skn=" + percent_encode(policy);
  return token;
}

std::optional<HubSas> parse_hub_sas(std::string_view token) {
  if (!token.starts_with(kScheme)) return std::nullopt;
  const BagFields fields = split_bag(token.substr(kScheme.size()));
  const auto resource = bag_value(fields, "sr");
  const auto signature = bag_value(fields, "sig");
  const auto expiry = bag_value(fields, "se");
  if (!resource || !signature || !expiry) return std::nullopt;
  const auto decoded_resource = percent_decode(*resource);
  const auto decoded_signature = percent_decode(*signature);
  const auto seconds = read_number<UnixSeconds>(*expiry);
  const auto policy = percent_decode(bag_value(fields, "skn").value_or(""));
  if (!decoded_resource || !decoded_signature || !seconds || !policy) return std::nullopt;
  return HubSas{std::string(*resource), *decoded_resource,
                *decoded_signature,     *seconds,
                std::string(*expiry),   *policy};
}

bool hub_sas_signed_by(const HubSas& token, Bytes key) {
  const std::string expected = sign(key, token.resource_raw + "\n" + token.expiry_raw);
  return equal_in_constant_time(bytes_of(expected), bytes_of(token.signature));
}

std::string derive_device_key(Bytes group_key, std::string_view registration_id) {
  return sign(group_key, registration_id);
}

std::string blob_sas_string_to_sign(const BlobSasFields& f, std::string_view canonical_resource) {
  std::string text;
  const auto line = [&text](std::string_view value) {
    if (!text.empty()) text += '\n';
    text += value;
  };
  text = f.sp;
  text += '\n';
  text += f.st;
  line(f.se);
  line(canonical_resource);
  line(f.si);
  line(f.sip);
  line(f.spr);
  line(f.sv);
  if (f.sv >= "2018-11-09") {
    line(f.sr);
    line(f.snapshot);
    if (f.sv >= "2020-12-06") line(f.ses);
  }
  line(f.rscc);
  line(f.rscd);
  line(f.rsce);
  line(f.rscl);
  line(f.rsct);
  return text;
}

std::string make_blob_sas(const BlobSasGrant& grant, Bytes account_key) {
  BlobSasFields fields;
  fields.sp = grant.permissions;
  fields.st = grant.start == 0 ? "" : to_iso8601(grant.start);
  fields.se = to_iso8601(grant.expiry);
  fields.spr = grant.https_only ? "https" : "https,http";
  fields.sv = kBlobSasVersion;
  fields.sr = grant.blob.empty() ? "c" : "b";
  std::string resource = "/blob/" + grant.account + "/" + grant.container;
  if (!grant.blob.empty()) resource += "/" + grant.blob;

  const std::string signature = sign(account_key, blob_sas_string_to_sign(fields, resource));
  std::string query = "sv=" + fields.sv + "&spr=" + percent_encode(fields.spr);
  if (!fields.st.empty()) query += "&st=" + percent_encode(fields.st);
  query += "&se=" + percent_encode(fields.se) + "&sr=" + fields.sr + "&sp=" + fields.sp;
  return query + "&sig=" + percent_encode(signature);
}

std::string to_iso8601(UnixSeconds time) {
  using namespace std::chrono;
  const sys_seconds point{seconds(time)};
  const auto day = floor<days>(point);
  const year_month_day date(day);
  const hh_mm_ss clock(point - day);
  std::string text;
  text.reserve(std::string_view("YYYY-MM-DDTHH:MM:SSZ").size());
  const auto append = [&text](std::size_t digits, std::int64_t number, char end) {
    text.resize(text.size() + digits, '0');
    for (std::size_t at = text.size(); digits > 0; --digits, number /= 10)
      text[--at] = static_cast<char>('0' + number % 10);
    text += end;
  };
  append(4, static_cast<int>(date.year()), '-');
  append(2, static_cast<unsigned>(date.month()), '-');
  append(2, static_cast<unsigned>(date.day()), 'T');
  append(2, clock.hours().count(), ':');
  append(2, clock.minutes().count(), ':');
  append(2, clock.seconds().count(), 'Z');
  return text;
}

std::optional<UnixSeconds> parse_iso8601(std::string_view text) {
  using namespace std::chrono;
  const auto digits = [text](std::size_t at, std::size_t count) -> std::optional<int> {
    if (at + count > text.size()) return std::nullopt;
    for (std::size_t i = at; i < at + count; ++i) {
      if (text[i] < '0' || text[i] > '9') return std::nullopt;
    }
    return read_number<int>(text.substr(at, count));
  };
  const auto is = [text](std::size_t at, char c) { return at < text.size() && text[at] == c; };
  const auto y = digits(0, 4), m = digits(5, 2), d = digits(8, 2);
  if (!y || !m || !d || !is(4, '-') || !is(7, '-')) return std::nullopt;
  const year_month_day date{year(*y), month(static_cast<unsigned>(*m)),
                            day(static_cast<unsigned>(*d))};
  if (!date.ok()) return std::nullopt;
  const UnixSeconds midnight = sys_seconds(sys_days(date)).time_since_epoch().count();
  if (text.size() == 10) return midnight;
  const auto hour = digits(11, 2), minute = digits(14, 2);
  if (!hour || !minute || !is(10, 'T') || !is(13, ':') || *hour > 23 || *minute > 59)
    return std::nullopt;
  std::size_t at = 16;
  int second = 0;
  if (is(at, ':')) {
    const auto value = digits(at + 1, 2);
    if (!value || *value > 60) return std::nullopt;
    second = *value;
    at += 3;
    if (is(at, '.')) {
      const std::size_t fraction = at + 1;
      for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9';) ++at;
      if (at == fraction) return std::nullopt;
    }
  }
  if (!is(at, 'Z') || at + 1 != text.size()) return std::nullopt;
  return midnight + *hour * 3600 + *minute * 60 + second;
}

std::optional<UnixSeconds> blob_sas_expiry(std::string_view sas) {
  const auto raw = bag_value(split_bag(sas), "se");
  if (!raw) return std::nullopt;
  const auto decoded = percent_decode(*raw);
  return decoded ? parse_iso8601(*decoded) : std::nullopt;
}

}  // namespace ota::contract
