#include "device/core/engine/explain.hpp"

namespace ota::engine {

using contract::Code;

std::string_view explain(Code code) noexcept {
  switch (code) {
    case Code::None:
      return {};
    case Code::BadOffer:
      return "The offer cannot be right: its keys contradict the blob or each other. Deploy it "
             "anew.";
    case Code::WrongProduct:
      return "The offer is for another product; nothing was changed.";
    case Code::OlderIgnored:
      return "The MCU runs a newer version; the older offer is ignored.";
    case Code::TooLarge:
      return "The image does not fit on the external flash.";
    case Code::SasExpired:
      return "The server refused the token (HTTP 403): renew the deployment. Tried once a day.";
    case Code::NotFound:
      return "The server has no such blob (HTTP 404): deploy it anew. Tried once a day.";
    case Code::HttpRefused:
      return "The server refused the request for good (HTTP 3xx or 4xx). Tried once a day.";
    case Code::ServerError:
      return "The server cannot answer now (HTTP 408, 429, 5xx), or its answer is not the blob "
             "(wrong range or length); tried again soon.";
    case Code::NetworkUnreachable:
      return "The connection to the server failed or broke off; tried again soon.";
    case Code::Stalled:
      return "No new byte arrived for 24 hours. Tried once a day.";
    case Code::HashMismatch:
      return "The image had a wrong SHA-256 three times: what is stored is not what was deployed.";
    case Code::StorageCorrupt:
      return "The external flash's file system was damaged and had to be formatted.";
    case Code::StorageFailed:
      return "The external flash does not answer or fails; check its supply and wires.";
    case Code::McuFailed:
      return "The programmer could not program the MCU; check its wires and its bootloader.";
    case Code::McuSilent:
      return "The MCU was programmed but does not report the wanted version.";
    case Code::RolledBack:
      return "The new image failed three times; the MCU runs the previous one again.";
    case Code::RollbackFailed:
      return "The previous image could not be programmed yet; tried again with growing pauses.";
    case Code::RollbackUnavailable:
      return "There is no previous image on the flash to go back to.";
    case Code::ClockUnset:
      return "The server's certificate is not valid yet: this device's clock is not set.";
    case Code::TlsUntrusted:
      return "The server's certificate is not trusted; check the configured CA.";
    case Code::Withdrawn:
      return "The deployment was taken back.";
    case Code::ProgrammingInterrupted:
      return "The device restarted 20 times while programming; check its supply. Tried once a day.";
    case Code::Superseded:
      return "A newer offer took its place.";
    case Code::InsecureUrl:
      return "The offer has a plain http address, which the configuration does not allow.";
  }
  return {};
}

}  // namespace ota::engine
