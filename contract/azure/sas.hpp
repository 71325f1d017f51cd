#pragma once

// Shared access signatures of IoT Hub, DPS and Blob, made and read as plain texts by both sides.
// Source: "Control access to IoT Hub with shared access signatures"; "Symmetric key attestation";
// "Create a service SAS".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace ota::contract {

/// Unix time in seconds.
using UnixSeconds = std::int64_t;

/// A token for IoT Hub or DPS. `resource` is not encoded yet, `key` is the decoded key, `policy` is
/// skn (empty: left out).
std::string make_hub_sas(std::string_view resource, Bytes key, UnixSeconds expiry,
                         std::string_view policy = {});

/// The fields of an IoT Hub or DPS token. `resource_raw` stays exactly as sent, because the
/// signature covers that text.
struct HubSas {
  std::string resource_raw;
  std::string resource;   // decoded
  std::string signature;  // decoded from percent, still base64
  UnixSeconds expiry = 0;
  std::string expiry_raw;
  std::string policy;
};

/// Reads "SharedAccessSignature sr=..&sig=..&se=..[&skn=..]", fields in any order. Nothing if it is
/// malformed.
std::optional<HubSas> parse_hub_sas(std::string_view token);

/// True if `key` (decoded) signed this token. Does not look at the expiry. Compares in constant
/// time.
bool hub_sas_signed_by(const HubSas& token, Bytes key);

/// base64(HMAC-SHA256(group key, registration id)): a device's key in a symmetric-key enrollment
/// group.
std::string derive_device_key(Bytes group_key, std::string_view registration_id);

/// What a blob's service SAS grants. Times are UTC.
struct BlobSasGrant {
  std::string account;
  std::string container;
  std::string blob;  // empty: the whole container (sr=c)
  std::string permissions = "r";
  UnixSeconds start = 0;  // 0: none
  UnixSeconds expiry = 0;
  bool https_only = true;
};

/// The query string of a service SAS, without '?', version 2021-12-02. `account_key` is the decoded
/// key.
std::string make_blob_sas(const BlobSasGrant& grant, Bytes account_key);

/// The text that a service SAS of version `sv` signs, from its decoded query fields; fields that
/// are absent are empty. `canonical_resource` is "/blob/{account}/{container}[/{blob}]". Covers sv
/// 2015-04-05 and later.
struct BlobSasFields {
  std::string sp, st, se, si, sip, spr, sv, sr, snapshot, ses, rscc, rscd, rsce, rscl, rsct;
};
std::string blob_sas_string_to_sign(const BlobSasFields& fields,
                                    std::string_view canonical_resource);

/// Seconds as "YYYY-MM-DDTHH:MM:SSZ".
std::string to_iso8601(UnixSeconds time);

/// Reads yyyy-MM-dd, yyyy-MM-ddTHH:mmZ, yyyy-MM-ddTHH:mm:ss[.fff]Z. Nothing if malformed.
std::optional<UnixSeconds> parse_iso8601(std::string_view text);

/// The expiry (`se`) in a blob SAS query, so that a person can be told when a token ends. Nothing
/// if absent or malformed.
std::optional<UnixSeconds> blob_sas_expiry(std::string_view sas);

}  // namespace ota::contract
