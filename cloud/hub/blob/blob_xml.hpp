#pragma once

// The XML of lists: what the service writes, and the block list that clients send.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/hub/blob/blob_store.hpp"

namespace ota::hub {

/// Where a list goes on. Clients send it back as it is; it carries names that XML cannot.
std::string marker_of(std::string_view name);
std::optional<std::string> parse_marker(std::string_view marker);

struct BlobList {
  std::string service_endpoint;
  std::string container;
  std::string prefix, delimiter;
  std::string marker, next_marker;  // names
  std::size_t results_max = 0;
  bool with_metadata = false;
  std::vector<StoredBlob> blobs;
  std::vector<std::string> common_prefixes;
};

struct ContainerList {
  std::string service_endpoint;
  std::string prefix, marker, next_marker;
  std::size_t results_max = 0;
  bool with_metadata = false;
  std::vector<StoredContainer> containers;
};

std::string to_xml(const BlobList& list);
std::string to_xml(const ContainerList& list);

/// Of an account where all is off.
std::string service_properties_xml();

struct BlockLists {
  std::optional<std::vector<StoredBlock>> committed;
  std::optional<std::vector<StoredBlock>> uncommitted;
};
std::string to_xml(const BlockLists& lists);

struct WantedBlock {
  enum class From : std::uint8_t { Committed, Uncommitted, Latest } from = From::Latest;
  std::string id;
};

/// Nothing if it is no block list. Knows exactly the elements of the form, no entities, comments or
/// nesting.
std::optional<std::vector<WantedBlock>> parse_block_list(std::string_view xml);

}  // namespace ota::hub
