#include "cloud/hub/core/core.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "cloud/hub/core/answers.hpp"
#include "cloud/hub/core/dps_device.hpp"
#include "cloud/hub/core/hub.hpp"
#include "cloud/hub/core/rest.hpp"
#include "cloud/hub/twin/twin.hpp"

namespace ota::hub {

namespace {

class HubCore final : public Core {
 public:
  HubCore(Settings settings, Database database) : hub_(std::move(settings), std::move(database)) {}
  HubCore(const HubCore&) = delete;
  HubCore& operator=(const HubCore&) = delete;
  // Nobody is left to hear of a failure.
  ~HubCore() override { (void)write_activity(hub_); }

  Outcome<Ok> prepare() {
    OTA_TRY(prepare_state(hub_));
    OTA_TRY(access_.id_scope, read_setting(hub_.database, "id_scope"));
    OTA_TRY(access_.iothubowner_key, hub_.policies.primary_key(Service::Hub, "iothubowner"));
    OTA_TRY(access_.provisioningserviceowner_key,
            hub_.policies.primary_key(Service::Dps, "provisioningserviceowner"));
    OTA_TRY(const auto group,
            hub_.enrollments.find(EnrollmentKind::Group, kDefaultEnrollmentGroup));
    if (group) {
      access_.enrollment_group_id = group->id;
      access_.enrollment_group_key = group->primary_key;
    }
    // What waited when the hub stopped is evaluated now.
    OTA_TRY(evaluate_cycle(hub_));
    next_cycle_ = hub_.settings.now() + hub_.settings.evaluate_every_s;
    access_.hub_host = host_with_port(hub_.settings, hub_.settings.https_port, 443);
    access_.device_host = host_with_port(hub_.settings, hub_.settings.mqtt_port, 8883);
    return Ok{};
  }

  Access access() const override { return access_; }

  Result<Login, LoginRefusal> login(const contract::HubUserName& user,
                                    const Credentials& credentials) override {
    if (!hub_.throttle.take(Operation::Connect)) return LoginRefusal::Throttled;
    auto login = hub_.device_login.check(user, credentials);
    // Bookkeeping only, as below. What was announced once stays until another model is announced.
    if (login && !user.model_id.empty()) {
      (void)hub_.registry.set_model(login.value().id, user.model_id);
    }
    return login;
  }

  void connected(const std::string& device_id, DeviceLink& link) override {
    hub_.links.add(device_id, link, facts_of(hub_, device_id));
    hub_.connections[device_id] = true;
    hub_.messages.connection_changed(device_id);
  }

  void disconnected(const std::string& device_id, DeviceLink& link) override {
    if (!hub_.links.remove(device_id, link)) return;
    hub_.connections[device_id] = false;
    hub_.messages.connection_changed(device_id);
  }

  void listening(const std::string& device_id) override {
    hub_.methods.listening(device_id);
    hub_.messages.deliver(device_id);
  }

  void method_answered(const std::string& device_id, const contract::MethodResponse& response,
                       std::string_view payload) override {
    note_activity(device_id);
    hub_.methods.answered(device_id, response, payload);
  }

  void message_completed(const std::string& device_id, std::uint64_t sequence) override {
    note_activity(device_id);
    hub_.messages.completed(device_id, sequence);
  }

  bool redeliver(const std::string& device_id, std::uint64_t sequence) override {
    return hub_.messages.redeliver(device_id, sequence);
  }

  Answer get_twin(const std::string& device_id) override {
    if (const auto taken = hub_.throttle.take(Operation::TwinRead); !taken)
      return twin_failure(taken.error(), hub_.settings.now());
    const auto twin = hub_.twins.get(device_id);
    if (!twin) return twin_failure(twin.error(), hub_.settings.now());
    note_activity(device_id);
    return {.status = 200,
            .body = twin::device_view({twin.value().desired, twin.value().desired_version},
                                      {twin.value().reported, twin.value().reported_version}),
            .version = std::nullopt,
            .retry_after_s = std::nullopt};
  }

  void patch_reported(const std::string& device_id, std::string_view json,
                      std::optional<std::uint64_t> if_version, Answered answered) override {
    auto answer = [this, answered = std::move(answered)](const Outcome<std::uint64_t>& version) {
      if (!version) return answered(twin_failure(version.error(), hub_.settings.now()));
      answered(
          {.status = 204, .body = {}, .version = version.value(), .retry_after_s = std::nullopt});
    };
    if (const auto taken = hub_.throttle.take(Operation::TwinUpdate); !taken)
      return answer(taken.error());
    hub_.changes.add<std::uint64_t>(
        json.size(),
        [this, device_id, patch = std::string(json), if_version](Notices& notices) {
          return change_reported(device_id, patch, if_version, notices);
        },
        std::move(answer));
  }

  void telemetry(const std::string& device_id, std::string_view properties,
                 std::string_view payload) override {
    take_telemetry(hub_, device_id, properties, payload);
  }

  Result<Login, LoginRefusal> dps_login(const contract::DpsUserName& user,
                                        const Credentials& credentials) override {
    return hub_.provisioning.login(access_.id_scope, user, credentials);
  }

  Answer dps_register(const std::string& registration_id, const Credentials& credentials,
                      std::string_view json) override {
    return register_device(hub_, access_.id_scope, registration_id, credentials, json);
  }

  Answer dps_status(const std::string& registration_id, std::string_view operation_id) override {
    return registration_status(hub_, registration_id, operation_id);
  }

  std::optional<HttpResponse> handle(const HttpRequest& request) override {
    return handle_rest(hub_, request);
  }

  void commit() override { hub_.changes.commit(); }

  Result<Ok, std::string> check_state() override {
    // A value that changes: SQLite writes nothing for one that stays the same.
    const auto written = hub_.database.execute("INSERT OR REPLACE INTO setting VALUES (?1, ?2)",
                                               {"probe", hub_.database.figures().steps});
    if (!written) return written.error().message;
    return Ok{};
  }

  CoreFigures figures() const override {
    const DatabaseFigures& done = hub_.database.figures();
    return {.sqlite_steps = done.steps,
            .sqlite_s = std::chrono::duration<double>(done.time).count()};
  }

  void tick() override {
    // What cannot be written now stays in memory and is tried again at the next tick.
    (void)write_activity(hub_);
    hub_.methods.tick();
    hub_.messages.tick();
    (void)hub_.jobs.advance(hub_.links);
    const contract::UnixSeconds now = hub_.settings.now();
    if (hub_.settings.evaluate_every_s == 0 || now < next_cycle_) return;
    if (evaluate_cycle(hub_)) next_cycle_ = now + hub_.settings.evaluate_every_s;
  }

 private:
  Outcome<std::uint64_t> change_reported(const std::string& device_id, std::string_view json,
                                         std::optional<std::uint64_t> if_version,
                                         Notices& notices) {
    OTA_TRY(const auto version, hub_.twins.patch_reported(device_id, json, if_version, notices));
    OTA_TRY(hub_.management.device_changed(
        device_id, {.created = false, .tags = false, .desired = false, .reported = true}, notices));
    return version;
  }

  void note_activity(const std::string& device_id) {
    hub_.activity[device_id] = hub_.settings.now();
  }

  Hub hub_;
  Access access_;
  contract::UnixSeconds next_cycle_ = 0;
};

}  // namespace

Result<std::unique_ptr<Core>, std::string> Core::open(Settings settings) {
  std::error_code error;
  const std::filesystem::path folder = settings.state_directory;
  if (std::filesystem::create_directories(folder, error)) {
    // The state holds keys: nobody else may read it.
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  }
  if (error)
    return "cannot create the hub's state directory " + settings.state_directory + ": " +
           error.message();
  auto database = Database::open((folder / "hub.sqlite").string());
  if (!database) return database.error().message;
  auto core = std::make_unique<HubCore>(std::move(settings), std::move(database).value());
  const auto prepared = core->prepare();
  if (!prepared) return prepared.error().message;
  return std::unique_ptr<Core>(std::move(core));
}

}  // namespace ota::hub
