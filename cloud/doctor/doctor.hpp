#pragma once

// The use case behind `mcu-ota doctor`: is everything there that the commands need, and what is to
// be done if not. Every check is made, whatever the others find.

#include <string>

#include "cloud/doctor/findings.hpp"
#include "cloud/profile/profile.hpp"
#include "cloud/rest/service_session.hpp"

namespace ota::doctor {

struct Patient {
  std::string profile_path = {};   // empty: `settings` are those of the environment
  profile::Profile settings = {};  // not looked at where there is a profile
  std::string ca_file = {};        // instead of the profile's
  std::string container = {};      // of the firmware
  bool may_write = false;          // a probe blob, which is deleted again
};

/// @param setup  clock, pause and random numbers; its certificates are replaced by the patient's
void examine(Findings& findings, const Patient& patient, const rest::ClientSetup& setup);

}  // namespace ota::doctor
