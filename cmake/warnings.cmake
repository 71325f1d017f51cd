# One INTERFACE target carries the warnings; -Werror comes from presets only, so a newer compiler never breaks a user.
add_library(ota_warnings INTERFACE)
target_compile_options(ota_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum -Wnon-virtual-dtor -Wold-style-cast>)
if(OTA_WERROR)
  target_compile_options(ota_warnings INTERFACE -Werror)
endif()
