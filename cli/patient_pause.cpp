#include "cli/patient_pause.hpp"

#include <iostream>

namespace ota::cli {
namespace {

constexpr Duration kWorthAWord = std::chrono::seconds(3);

}  // namespace

void PatientPause::wait(Duration duration) {
  if (duration >= kWorthAWord) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(duration).count();
    // One piece: several threads may upload.
    std::cerr << "mcu-ota: the service is busy or throttles; trying again in " +
                     std::to_string(seconds) + " s\n";
  }
  pause_.wait(duration);
}

}  // namespace ota::cli
