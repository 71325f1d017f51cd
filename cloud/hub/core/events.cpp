#include "cloud/hub/core/events.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/encoding.hpp"
#include "cloud/hub/core/message_fields.hpp"
#include "cloud/hub/twin/json_text.hpp"
#include "cloud/hub/twin/twin.hpp"
#include "contract/json/json_text.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

struct Name {
  EventType type;
  std::string_view text;
  std::string_view source;  // iothub-message-source
};
constexpr std::array kNames = {
    Name{EventType::Telemetry, "telemetry", "Telemetry"},
    Name{EventType::Twin, "twin", "twinChangeEvents"},
    Name{EventType::Lifecycle, "lifecycle", "deviceLifecycleEvents"},
    Name{EventType::Connection, "connection", "deviceConnectionStateEvents"},
};

const Name& name_entry(EventType type) {
  return *std::find_if(kNames.begin(), kNames.end(),
                       [type](const Name& name) { return name.type == type; });
}

/// The names that IoT Hub gives to system properties in messages that it writes as JSON.
json telemetry_properties(const Event& event, json& application) {
  json system = json::object();
  for (const MessageField& field : read_message_fields(event.properties)) {
    if (field.system_name.empty()) {
      application[field.name] = field.value;
    } else {
      system[std::string(field.system_name)] = field.value;
    }
  }
  return system;
}

bool says_json(const json& system) {
  const std::string type = system.value("contentType", "");
  return type.find("json") != std::string::npos;
}

/// What a patch of one section looks like in a twin change event.
json section_body(const Event& event, json patch) {
  twin::drop_service_members(patch);
  patch["$version"] = event.version;
  json body;
  body["properties"][std::string(event.section)] = std::move(patch);
  return body;
}

/// JSON where the device says so, else text, else base64.
void add_body(json& line, const Event& event, const json& system) {
  if (event.type != EventType::Telemetry && event.body.empty()) return;
  const bool as_json = event.type != EventType::Telemetry || says_json(system);
  if (as_json) {
    if (json value = contract::read_json(event.body); !value.is_discarded()) {
      line["body"] =
          event.section.empty() ? std::move(value) : section_body(event, std::move(value));
      return;
    }
  }
  const json text = event.body;
  try {
    (void)text.dump();
    line["body"] = text;
  } catch (const json::type_error&) {
    line["bodyBase64"] = to_base64(bytes_of(event.body));
  }
}

}  // namespace

std::string_view name_of(EventType type) { return name_entry(type).text; }

std::optional<EventType> event_type(std::string_view name) {
  const auto* found = std::find_if(kNames.begin(), kNames.end(),
                                   [name](const Name& known) { return known.text == name; });
  if (found == kNames.end()) return std::nullopt;
  return found->type;
}

std::size_t Events::size_of(const Event& event) {
  return sizeof(Entry) + event.device_id.size() + event.properties.size() + event.body.size() +
         event.generation_id.size();
}

std::string Events::line_of(const Entry& entry, std::uint64_t sequence) {
  const Event& event = entry.event;
  const std::string time = contract::to_iso8601(entry.time);
  json application = json::object();
  json system = json::object();
  if (event.type == EventType::Telemetry) {
    system = telemetry_properties(event, application);
  } else {
    application = {{"opType", event.properties}, {"deviceId", event.device_id}};
  }
  system["connectionDeviceId"] = event.device_id;
  system["iothub-message-source"] = name_entry(event.type).source;
  system["enqueuedTime"] = time;
  if (!event.generation_id.empty()) {
    system["connectionDeviceGenerationId"] = event.generation_id;
    const std::string type = event.authentication_type == "sas" ? "sas" : "x509";
    system["connectionAuthMethod"] =
        R"({"scope":"device","type":")" + type + R"(","issuer":"iothub"})";
  }
  json line = {{"sequence", sequence},        {"type", name_of(event.type)},
               {"deviceId", event.device_id}, {"enqueuedTimeUtc", time},
               {"properties", application},   {"systemProperties", system}};
  add_body(line, event, system);
  return json_to_text(line) + "\n";
}

class Events::Reader final : public LiveBody {
 public:
  Reader(std::shared_ptr<Log> log, std::uint64_t from, EventFilter filter)
      : log_(std::move(log)), next_(from), filter_(std::move(filter)) {}

  std::string read(std::size_t bytes_max) override {
    std::string lines;
    if (!std::exchange(ready_, true))
      lines = R"({"type":"ready","sequence":)" + std::to_string(next_) + "}\n";
    if (next_ < log_->first()) {
      lines += R"({"type":"missed","from":)" + std::to_string(next_) + R"(,"count":)" +
               std::to_string(log_->first() - next_) + "}\n";
      next_ = log_->first();
    }
    for (; next_ < log_->next && lines.size() < bytes_max; ++next_) {
      const Entry& entry = log_->entries[static_cast<std::size_t>(next_ - log_->first())];
      if (wants(entry.event)) lines += line_of(entry, next_);
    }
    return lines;
  }
  void on_more(std::function<void()> wake) override { wake_ = std::move(wake); }
  void more() const {
    if (wake_) wake_();
  }
  bool wants(const Event& event) const {
    return (filter_.device_id.empty() || filter_.device_id == event.device_id) &&
           (filter_.types.empty() || filter_.types.contains(event.type));
  }

 private:
  std::shared_ptr<Log> log_;
  std::uint64_t next_;
  EventFilter filter_;
  bool ready_ = false;  // the first line was told
  std::function<void()> wake_;
};

Events::Events(std::function<contract::UnixSeconds()> now, std::uint64_t origin)
    : now_(std::move(now)), log_(std::make_shared<Log>()) {
  log_->origin = log_->next = origin;
}

void Events::add(Event event) {
  log_->bytes += size_of(event);
  log_->entries.push_back({std::move(event), now_()});
  ++log_->next;
  while (log_->entries.size() > kEventsMax || log_->bytes > kEventBytesMax) {
    log_->bytes -= size_of(log_->entries.front().event);
    log_->entries.pop_front();
  }
  for (const auto& weak : readers_) {
    const auto reader = weak.lock();
    if (reader) reader->more();
  }
}

std::shared_ptr<LiveBody> Events::open_reader(std::uint64_t from, EventFilter filter) {
  std::erase_if(readers_, [](const auto& reader) { return reader.expired(); });
  if (readers_.size() >= kEventReadersMax) return nullptr;
  // Who asks for a number of an earlier hub, or of one whose clock was ahead, sees all there is.
  const bool known = from >= log_->origin && from <= log_->next;
  const std::uint64_t begin = known ? from : log_->origin;
  auto reader = std::make_shared<Reader>(log_, begin, std::move(filter));
  readers_.push_back(reader);
  return reader;
}

}  // namespace ota::hub
