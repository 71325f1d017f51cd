#include <CLI/CLI.hpp>

#include "cli/verbs.hpp"

namespace ota::cli {

void add_shared_options(CLI::App& app, Context& context) {
  const std::map<std::string, Format> formats = {
      {"table", Format::Table}, {"json", Format::Json}, {"jsonl", Format::Json}};
  app.fallthrough();
  app.add_option("--profile", context.profile_path,
                 "How to reach the hub; the local hub writes it ($MCU_OTA_PROFILE, else "
                 "~/.config/mcu-ota/profile.toml)")
      ->type_name("FILE");
  app.add_option("--ca", context.ca_file, "Certificates (PEM) to trust instead of the profile's")
      ->type_name("FILE");
  app.add_option_function<std::string>(
         "-o,--output",
         [&context, formats](const std::string& name) { context.format = formats.at(name); },
         "table for people, json for programs (jsonl: the same; verbs that follow print lines)")
      ->check(CLI::IsMember({"table", "json", "jsonl"}))
      ->type_name("FORMAT");
  app.add_flag_callback(
      "--json", [&context] { context.format = Format::Json; }, "The same as -o json");
  app.add_flag_callback(
      "--no-progress", [&context] { context.progress_wanted = false; }, "Draw no progress bar");
}

}  // namespace ota::cli
