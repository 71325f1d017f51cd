#include "cloud/hub/blob/blob_xml.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "cloud/hub/http/http_date.hpp"
#include "contract/azure/percent.hpp"

namespace ota::hub {
namespace {

constexpr std::string_view kDeclaration = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";

std::string element(std::string_view name, std::string_view text) {
  if (text.empty()) return "<" + std::string(name) + " />";
  return "<" + std::string(name) + ">" + xml_escape(text) + "</" + std::string(name) + ">";
}

/// Names may hold characters that XML cannot carry at all.
std::string name_element(std::string_view tag, std::string_view name) {
  const bool encoded = std::any_of(name.begin(), name.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x20; }) ||
                       name.find("\xEF\xBF\xBE") != std::string_view::npos ||
                       name.find("\xEF\xBF\xBF") != std::string_view::npos;
  if (!encoded) return element(tag, name);
  return "<" + std::string(tag) + " Encoded=\"true\">" + contract::percent_encode(name) + "</" +
         std::string(tag) + ">";
}

std::string unquoted(std::string etag) {
  std::erase(etag, '"');
  return etag;
}

std::string metadata_element(const Metadata& metadata) {
  std::string out = "<Metadata>";
  for (const auto& [name, value] : metadata) out += element(name, value);
  return out + "</Metadata>";
}

std::string uncommitted_element(const StoredBlob& blob) {
  return "<Blob>" + name_element("Name", blob.name) +
         "<Properties><Content-Length>0</Content-Length><BlobType>BlockBlob</BlobType>"
         "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState></Properties></"
         "Blob>";
}

std::string blob_element(const StoredBlob& blob, bool with_metadata) {
  if (blob.file.empty()) return uncommitted_element(blob);
  const BlobFields& f = blob.fields;
  std::string out = "<Blob>" + name_element("Name", blob.name) + "<Properties>";
  out += element("Creation-Time", to_http_date(blob.created));
  out += element("Last-Modified", to_http_date(blob.version.modified));
  out += element("Etag", unquoted(blob.version.etag));
  out += element("Content-Length", std::to_string(blob.size_bytes));
  out += element("Content-Type", f.content_type);
  out += element("Content-Encoding", f.content_encoding);
  out += element("Content-Language", f.content_language);
  out += "<Content-CRC64 />";
  out += element("Content-MD5", f.content_md5);
  out += element("Cache-Control", f.cache_control);
  out += element("Content-Disposition", f.content_disposition);
  out +=
      "<BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier><AccessTierInferred>true</"
      "AccessTierInferred>"
      "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState><ServerEncrypted>true</"
      "ServerEncrypted>"
      "</Properties>";
  if (with_metadata) out += metadata_element(f.metadata);
  return out + "<OrMetadata /></Blob>";
}

std::string container_element(const StoredContainer& container, bool with_metadata) {
  std::string out = "<Container>" + element("Name", container.name) + "<Properties>";
  out += element("Last-Modified", to_http_date(container.version.modified));
  out += element("Etag", unquoted(container.version.etag));
  out +=
      "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>"
      "<HasImmutabilityPolicy>false</HasImmutabilityPolicy><HasLegalHold>false</HasLegalHold>"
      "</Properties>";
  if (with_metadata) out += metadata_element(container.metadata);
  return out + "</Container>";
}

std::string block_elements(std::string_view name, const std::vector<StoredBlock>& blocks) {
  std::string out = "<" + std::string(name) + ">";
  for (const StoredBlock& block : blocks) {
    out += "<Block>" + element("Name", block.id) +
           element("Size", std::to_string(block.size_bytes)) + "</Block>";
  }
  return out + "</" + std::string(name) + ">";
}

std::optional<WantedBlock::From> source_of(std::string_view tag) {
  if (tag == "Committed") return WantedBlock::From::Committed;
  if (tag == "Uncommitted") return WantedBlock::From::Uncommitted;
  if (tag == "Latest") return WantedBlock::From::Latest;
  return std::nullopt;
}

/// Takes `token` from the front; white space before it does not count.
bool skip(std::string_view& text, std::string_view token) {
  text = trimmed(text);
  if (!text.starts_with(token)) return false;
  text.remove_prefix(token.size());
  return true;
}

}  // namespace

std::string marker_of(std::string_view name) { return to_base64(bytes_of(name)); }

std::optional<std::string> parse_marker(std::string_view marker) {
  const auto name = from_base64(marker);
  if (!name) return std::nullopt;
  return std::string(text_of(*name));
}

std::string to_xml(const BlobList& list) {
  std::string out(kDeclaration);
  out += "<EnumerationResults ServiceEndpoint=\"" + xml_escape(list.service_endpoint) +
         "\" ContainerName=\"" + xml_escape(list.container) + "\">";
  out += name_element("Prefix", list.prefix) + element("Marker", marker_of(list.marker)) +
         element("MaxResults", std::to_string(list.results_max));
  if (!list.delimiter.empty()) out += name_element("Delimiter", list.delimiter);
  out += "<Blobs>";
  // Both lists are sorted; the answer is one sorted list.
  auto prefix = list.common_prefixes.begin();
  const auto prefixes_below = [&](const std::string* name) {
    for (; prefix != list.common_prefixes.end() && (name == nullptr || *prefix < *name); ++prefix) {
      out += "<BlobPrefix>" + name_element("Name", *prefix) + "</BlobPrefix>";
    }
  };
  for (const StoredBlob& blob : list.blobs) {
    prefixes_below(&blob.name);
    out += blob_element(blob, list.with_metadata);
  }
  prefixes_below(nullptr);
  return out + "</Blobs>" + element("NextMarker", marker_of(list.next_marker)) +
         "</EnumerationResults>";
}

std::string to_xml(const ContainerList& list) {
  std::string out(kDeclaration);
  out += "<EnumerationResults ServiceEndpoint=\"" + xml_escape(list.service_endpoint) + "\">";
  out += name_element("Prefix", list.prefix) + element("Marker", marker_of(list.marker)) +
         element("MaxResults", std::to_string(list.results_max)) + "<Containers>";
  for (const StoredContainer& container : list.containers)
    out += container_element(container, list.with_metadata);
  return out + "</Containers>" + element("NextMarker", marker_of(list.next_marker)) +
         "</EnumerationResults>";
}

std::string service_properties_xml() {
  const std::string off = "<Enabled>false</Enabled>";
  const std::string no_retention = "<RetentionPolicy>" + off + "</RetentionPolicy>";
  const std::string version = "<Version>1.0</Version>";
  const std::string no_metrics = version + off + no_retention;
  return std::string(kDeclaration) + "<StorageServiceProperties><Logging>" + version +
         "<Delete>false</Delete><Read>false</Read><Write>false</Write>" + no_retention +
         "</Logging><HourMetrics>" + no_metrics + "</HourMetrics><MinuteMetrics>" + no_metrics +
         "</MinuteMetrics><Cors />" + element("DefaultServiceVersion", kDefaultServiceVersion) +
         "<DeleteRetentionPolicy>" + off + "</DeleteRetentionPolicy><StaticWebsite>" + off +
         "</StaticWebsite></StorageServiceProperties>";
}

std::string to_xml(const BlockLists& lists) {
  std::string out(kDeclaration);
  out += "<BlockList>";
  if (lists.committed) out += block_elements("CommittedBlocks", *lists.committed);
  if (lists.uncommitted) out += block_elements("UncommittedBlocks", *lists.uncommitted);
  return out + "</BlockList>";
}

std::optional<std::vector<WantedBlock>> parse_block_list(std::string_view xml) {
  if (xml.starts_with("\xEF\xBB\xBF")) xml.remove_prefix(3);
  if (skip(xml, "<?xml")) {
    const std::size_t end = xml.find("?>");
    if (end == std::string_view::npos) return std::nullopt;
    xml.remove_prefix(end + 2);
  }
  std::vector<WantedBlock> out;
  if (skip(xml, "<BlockList/>") || skip(xml, "<BlockList />")) return out;
  if (!skip(xml, "<BlockList>")) return std::nullopt;
  while (!skip(xml, "</BlockList>")) {
    if (!skip(xml, "<")) return std::nullopt;
    const std::size_t close = xml.find('>');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view tag = xml.substr(0, close);
    const auto from = source_of(tag);
    xml.remove_prefix(close + 1);
    const std::size_t end = xml.find('<');
    if (!from || end == std::string_view::npos) return std::nullopt;
    out.push_back({*from, std::string(trimmed(xml.substr(0, end)))});
    xml.remove_prefix(end);
    if (!skip(xml, "</" + std::string(tag) + ">")) return std::nullopt;
  }
  if (!trimmed(xml).empty()) return std::nullopt;
  return out;
}

}  // namespace ota::hub
