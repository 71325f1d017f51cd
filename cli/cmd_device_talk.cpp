// device send, device call: what reaches a device at once, beside its twin.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/json_output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "cloud/rollout/ids.hpp"
#include "contract/json/json_text.hpp"

namespace ota::cli {
namespace {

using Json = nlohmann::json;

struct SendOptions {
  rest::DeviceboundMessage message;
  std::vector<std::string> properties;  // "name=value"
  int minutes = 0;
};

std::optional<Problem> read_properties(SendOptions& options) {
  for (const std::string& property : options.properties) {
    const std::size_t equals = property.find('=');
    const bool valid = equals != std::string::npos && equals > 0 &&
                       std::all_of(property.begin(), property.end(),
                                   [](unsigned char c) { return c >= ' ' && c < 0x7F; });
    if (!valid)
      return usage_problem("--property '" + printable(property) +
                           "' is not NAME=VALUE of ASCII letters");
    options.message.properties[property.substr(0, equals)] = property.substr(equals + 1);
  }
  return std::nullopt;
}

ExitCode send(const Context& context, Session& session, SendOptions options) {
  if (const auto good = rollout::check_device_id(options.message.device_id); !good)
    return report(context, problem_of(good.error()));
  if (const auto problem = read_properties(options)) return report(context, *problem);
  if (options.message.body == "-") {
    options.message.body.assign(std::istreambuf_iterator<char>(std::cin), {});
  }
  if (options.minutes > 0)
    options.message.expiry = contract::to_iso8601(session.clock()() + options.minutes * 60);
  const auto sent = rollout::outcome_of(session.hub().send_message(options.message));
  if (!sent) return report(context, problem_of(sent.error()));
  if (context.format == Format::Json) {
    print_json(
        {{"schema", kJsonSchema}, {"device", options.message.device_id}, {"result", "queued"}});
  } else {
    std::cout << "queued for device " << options.message.device_id << "\n";
  }
  return ExitCode::Ok;
}

ExitCode call(const Context& context, Session& session, const rest::MethodCall& method) {
  if (const auto good = rollout::check_device_id(method.device_id); !good)
    return report(context, problem_of(good.error()));
  if (contract::read_json(method.payload).is_discarded()) {
    return report(context,
                  usage_problem("the payload is not JSON; a text needs quotes: '\"text\"'"));
  }
  const auto answer = rollout::outcome_of(session.hub().call_method(method));
  if (!answer) return report(context, problem_of(answer.error()));
  Json document = contract::read_json(answer->text);
  if (!document.is_object()) {
    return report(context, {.exit_code = ExitCode::Failed,
                            .code = "unreadable_answer",
                            .message = "the hub's answer cannot be read; is this an IoT Hub?"});
  }
  document["schema"] = kJsonSchema;
  document["device"] = method.device_id;
  document["method"] = method.name;
  print_json(document);
  return ExitCode::Ok;
}

void add_send(CLI::App& device, Context& context) {
  const auto options = std::make_shared<SendOptions>();
  CLI::App* verb = device.add_subcommand(
      "send", "Queue a cloud-to-device message (local hub; Azure takes these over AMQP only)");
  verb->add_option("ID", options->message.device_id, "The device")->required();
  verb->add_option("TEXT", options->message.body, "The message; - reads standard input")
      ->required();
  verb->add_option("--property", options->properties, "A property of it; may be repeated")
      ->type_name("NAME=VALUE");
  verb->add_option("--expires", options->minutes, "Minutes until it is dropped; the hub's own: 60")
      ->type_name("MINUTES")
      ->check(CLI::Range(1, 2880));
  verb->footer(
      "A device that is away gets the message when it connects.\n"
      "Examples:\n"
      "  mcu-ota device send pump-017 '{\"led\":true}' --property kind=demo\n"
      "  mcu-ota device send pump-017 - --expires 5 < message.json\n");
  verb->callback([options, &context] {
    context.run = [options, &context] {
      return with_session(context,
                          [&](Session& session) { return send(context, session, *options); });
    };
  });
}

void add_call(CLI::App& device, Context& context) {
  const auto method = std::make_shared<rest::MethodCall>();
  CLI::App* verb = device.add_subcommand("call", "Call a direct method and print the answer");
  verb->add_option("ID", method->device_id, "The device")->required();
  verb->add_option("METHOD", method->name, "Its method")->required();
  verb->add_option("PAYLOAD", method->payload, "JSON; null if it is left out");
  verb->add_option("--timeout", method->response_timeout_s, "How long the device may take")
      ->type_name("SECONDS")
      ->check(CLI::Range(5, 300))
      ->capture_default_str();
  verb->add_option("--connect-timeout", method->connect_timeout_s,
                   "How long to wait for the device to connect")
      ->type_name("SECONDS")
      ->check(CLI::Range(0, 300))
      ->capture_default_str();
  verb->footer(
      "The exit code says whether the device answered; its own status is in the answer.\n"
      "Example:\n  mcu-ota device call pump-017 blink '{\"times\":3}' --timeout 10\n");
  verb->callback([method, &context] {
    context.run = [method, &context] {
      return with_session(context,
                          [&](Session& session) { return call(context, session, *method); });
    };
  });
}

}  // namespace

void add_device_talk(CLI::App& device, Context& context) {
  add_send(device, context);
  add_call(device, context);
}

}  // namespace ota::cli
