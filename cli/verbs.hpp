#pragma once

// One function per verb, each in cmd_<verb>.cpp. It adds the verb to the command line and lets
// `context.run` do the work when the verb is chosen.

#include "cli/context.hpp"

namespace CLI {
class App;
}

namespace ota::cli {

/// The options of Context; they may stand before or after the verb.
void add_shared_options(CLI::App& app, Context& context);

/// pause, resume, abort.
void add_control(CLI::App& app, Context& context);
void add_deploy(CLI::App& app, Context& context);
void add_device(CLI::App& app, Context& context);
/// device send and call, below the verb device.
void add_device_talk(CLI::App& device, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_enrollment(CLI::App& app, Context& context);
/// Below the verb enrollment.
void add_enrollment_key(CLI::App& enrollment, Context& context);
void add_explain(CLI::App& app, Context& context);
void add_hub(CLI::App& app, Context& context);
/// Below the verb hub.
void add_hub_events(CLI::App& hub, Context& context);
void add_list(CLI::App& app, Context& context);
/// retry, renew.
void add_revise(CLI::App& app, Context& context);
void add_rollback(CLI::App& app, Context& context);
void add_show(CLI::App& app, Context& context);
void add_sim(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_version(CLI::App& app, Context& context);
void add_watch(CLI::App& app, Context& context);

}  // namespace ota::cli
