#include "cloud/hub/twin/managed.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "cloud/hub/twin/twin.hpp"

namespace ota::hub::twin {

namespace {

using nlohmann::json;

constexpr std::string_view kRoot = "properties.desired";

/// Without the leaves that only demand absence.
json without_nulls(const json& tree) {
  json document = json::object();
  json metadata = json::object();
  merge(document, metadata, tree, {});
  return document;
}

bool demands_nothing(const json& tree) { return !tree.empty() && without_nulls(tree).empty(); }

json changes(const json& wanted, const json& desired) {
  json patch = json::object();
  for (const auto& item : wanted.items()) {
    const json& value = item.value();
    const auto actual = desired.find(item.key());
    const bool present = actual != desired.end();
    if (value.is_null()) {
      if (present) patch[item.key()] = nullptr;
    } else if (value.is_object() && present && actual->is_object()) {
      json inner = changes(value, *actual);
      if (!inner.empty()) patch[item.key()] = std::move(inner);
    } else if (value.is_object()) {
      if (present || !demands_nothing(value)) patch[item.key()] = without_nulls(value);
    } else if (!present || *actual != value) {
      patch[item.key()] = value;
    }
  }
  return patch;
}

bool removes_all(const json& patch, const json& actual) {
  return std::all_of(patch.begin(), patch.end(),
                     [](const json& value) { return value.is_null(); }) &&
         patch.size() == actual.size();
}

void add_removals(json& patch, const json& wanted, const json& managed, const json& desired) {
  for (const auto& item : managed.items()) {
    const std::string& key = item.key();
    const auto actual = desired.find(key);
    if (actual == desired.end() || item.value().is_null()) continue;
    const auto still = wanted.find(key);
    if (!item.value().is_object()) {
      if (still == wanted.end()) patch[key] = nullptr;
      continue;
    }
    // A scalar in the place of a managed object is somebody's own value.
    if (!actual->is_object() || (still != wanted.end() && !still->is_object())) continue;
    json inner = patch.value(key, json::object());
    add_removals(inner, still == wanted.end() ? json::object() : *still, item.value(), *actual);
    if (still == wanted.end() && removes_all(inner, *actual)) {
      patch[key] = nullptr;
    } else if (!inner.empty()) {
      patch[key] = std::move(inner);
    }
  }
}

/// The place of a dotted path in the tree, made on the way. Nothing if a member of the path is
/// empty.
json* place_of(json& tree, std::string_view path) {
  json* node = &tree;
  while (!path.empty()) {
    path.remove_prefix(1);  // the dot
    const std::string_view name = path.substr(0, path.find('.'));
    if (name.empty()) return nullptr;
    path.remove_prefix(name.size());
    if (!node->is_object()) *node = json::object();
    node = &(*node)[std::string(name)];
  }
  if (node->is_null()) *node = json::object();
  return node;
}

}  // namespace

Outcome<json> content_tree(const json& device_content) {
  if (!device_content.is_object()) {
    return Failure{code::kArgumentInvalid, "deviceContent is not a JSON object"};
  }
  json tree = json::object();
  for (const auto& item : device_content.items()) {
    const std::string_view path = item.key();
    const bool below = path.substr(0, kRoot.size()) == kRoot &&
                       (path.size() == kRoot.size() || path[kRoot.size()] == '.');
    json* place = below ? place_of(tree, path.substr(kRoot.size())) : nullptr;
    if (place == nullptr || (path.size() == kRoot.size() && !item.value().is_object())) {
      return Failure{
          code::kArgumentInvalid,
          "deviceContent: '" + item.key() + "' is not a path that starts with properties.desired"};
    }
    if (item.value().is_object()) {
      for (const auto& member : item.value().items()) (*place)[member.key()] = member.value();
    } else {
      *place = item.value();
    }
  }
  OTA_TRY(check_content(tree));
  OTA_TRY(check_size(tree, Section::Desired));
  return tree;
}

bool add_weaker(json& tree, const json& content) {
  bool owns = false;
  for (const auto& item : content.items()) {
    const auto stronger = tree.find(item.key());
    if (stronger == tree.end()) {
      tree[item.key()] = item.value();
      owns = true;
    } else if (stronger->is_object() && item.value().is_object()) {
      owns = add_weaker(*stronger, item.value()) || owns;
    }
  }
  return owns;
}

json managed_patch(const json& wanted, const json& managed, const json& desired) {
  json patch = changes(wanted, desired);
  add_removals(patch, wanted, managed, desired);
  return patch;
}

}  // namespace ota::hub::twin
