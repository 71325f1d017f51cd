#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/json_output.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "cloud/rest/http_client.hpp"

namespace ota::cli {

void add_version(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand("version", "Print the version of this program");
  verb->footer("Examples:\n  mcu-ota version\n  mcu-ota version --json\n");
  verb->callback([&context] {
    context.run = [&context] {
      const rest::HttpLibraries libraries = rest::http_libraries();
      if (context.format == Format::Json) {
        const nlohmann::json document = {{"schema", kJsonSchema},  {"name", "mcu-ota"},
                                         {"version", OTA_VERSION}, {"compiler", __VERSION__},
                                         {"curl", libraries.curl}, {"tls", libraries.tls}};
        print_json(document);
      } else {
        std::cout << "mcu-ota " OTA_VERSION " (compiler " __VERSION__ ", libcurl " << libraries.curl
                  << ", " << libraries.tls << ")\n";
      }
      return ExitCode::Ok;
    };
  });
}

}  // namespace ota::cli
