#pragma once

// Keys and identifiers that nobody can guess, from the operating system's generator.

#include <string>

namespace ota::hub {

/// base64 of 32 random bytes: the form of IoT Hub's own keys.
std::string random_key();
std::string random_hex(std::size_t digits);
/// "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".
std::string random_guid();
/// An identity's etag: base64 of decimal text.
std::string random_etag();

}  // namespace ota::hub
