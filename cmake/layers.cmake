# ota_library(), ota_test() and ota_program() are the only ways to add targets. A link that
# layers.txt does not allow fails at configuration; a dependency must already exist, so a cycle
# cannot be written.

file(STRINGS ${CMAKE_SOURCE_DIR}/layers.txt ota_layer_lines REGEX "^[a-z]")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/layers.txt)
set(ota_areas "")
foreach(line IN LISTS ota_layer_lines)
  if(NOT line MATCHES "^([^:]+):[ ]*(.*)$")
    message(FATAL_ERROR "layers.txt: cannot read the line '${line}'; the form is 'area: area area'")
  endif()
  set(area ${CMAKE_MATCH_1})
  string(REGEX REPLACE "[ ]+" ";" allowed "${CMAKE_MATCH_2}")
  list(APPEND ota_areas ${area})
  string(MAKE_C_IDENTIFIER ${area} key)
  set(ota_allowed_${key} ${allowed})
endforeach()

# The area of a folder: the longest line of layers.txt that is a prefix of it.
function(ota_area_of folder out)
  set(best "")
  foreach(area IN LISTS ota_areas)
    if("${folder}/" MATCHES "^${area}/")
      string(LENGTH "${area}" length)
      string(LENGTH "${best}" best_length)
      if(length GREATER best_length)
        set(best ${area})
      endif()
    endif()
  endforeach()
  set(${out} ${best} PARENT_SCOPE)
endfunction()

# Stops unless layers.txt lets area use every library of ARGN.
function(ota_require_allowed_links name area)
  string(MAKE_C_IDENTIFIER ${area} key)
  foreach(dep IN LISTS ARGN)
    if(NOT TARGET ${dep})
      message(FATAL_ERROR
        "ota_library(${name}): ${dep} is not defined yet; layers.txt orders the folders")
    endif()
    get_target_property(real ${dep} ALIASED_TARGET)
    get_target_property(dep_area ${real} OTA_AREA)
    if(NOT dep_area IN_LIST ota_allowed_${key} AND NOT dep_area STREQUAL area)
      message(FATAL_ERROR
        "ota_library(${name}): ${area} may not use ${dep_area} (${dep}); see layers.txt")
    endif()
  endforeach()
endfunction()

# ota_library(NAME x SOURCES a.cpp ... HEADERS a.hpp ... [DEPS ota::y ...] [EXTERNAL target ...]
#             [CORE])
# Adds target ota_x with the alias ota::x. CORE marks code that runs without an operating system:
# no exceptions, no RTTI, and a test that its symbols ask for neither heap nor exceptions. EXTERNAL
# targets are implementation details (private).
function(ota_library)
  cmake_parse_arguments(ARG "CORE" "NAME" "SOURCES;HEADERS;DEPS;EXTERNAL" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ota_library(${ARG_NAME}): unknown arguments ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  ota_area_of(${folder} area)
  if(NOT area)
    message(FATAL_ERROR "ota_library(${ARG_NAME}): layers.txt has no line for ${folder}")
  endif()
  ota_require_allowed_links(${ARG_NAME} ${area} ${ARG_DEPS})

  set(target ota_${ARG_NAME})
  set(scope PUBLIC)
  if(ARG_SOURCES)
    add_library(${target} STATIC ${ARG_SOURCES})
    target_link_libraries(${target} PRIVATE ota_warnings ${ARG_EXTERNAL})
    if(ARG_CORE)
      ota_make_core(${ARG_NAME})
    endif()
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(ota::${ARG_NAME} ALIAS ${target})
  set_target_properties(${target} PROPERTIES OTA_AREA ${area})
  target_sources(${target} ${scope}
    FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR} FILES ${ARG_HEADERS})
  target_link_libraries(${target} ${scope} ${ARG_DEPS})
endfunction()

function(ota_make_core name)
  set(flags -fno-exceptions -fno-rtti -fno-threadsafe-statics)
  if(OTA_CORE_ONLY)
    list(APPEND flags -ffreestanding)
  endif()
  target_compile_options(ota_${name} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${flags}>")
  # A sanitizer adds symbols of its own, so the check is for builds without one.
  if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    add_test(NAME freestanding.${name}
      COMMAND ${CMAKE_SOURCE_DIR}/scripts/check_freestanding $<TARGET_FILE:ota_${name}>)
    set_tests_properties(freestanding.${name} PROPERTIES LABELS style)
  endif()
endfunction()

# Targets that build the tests of one label, so that a run of it compiles nothing else; tests_e2e
# builds all programs.
foreach(label unit sim e2e fuzz threads)
  add_custom_target(tests_${label})
endforeach()

# The undefined-behaviour sanitizer doubles the compile time of tests full of JSON (39 s instead of
# 20 s for one file). What the cloud's tests test keeps it: only their own lines go without.
set(ota_cloud_test_options "")
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=[a-z,]*undefined")
  set(ota_cloud_test_options -fno-sanitize=undefined)
endif()

# ota_test(NAME x SOURCES x_test.cpp DEPS ota::x [EXTERNAL target ...] [LABEL unit|sim|e2e|fuzz|long]
#          [TIMEOUT s] [THREADS])
# A GoogleTest program, registered as one test; labels select suites. THREADS adds it to the run
# with the thread sanitizer. Tests of the agent are always in it; the hub is one event loop.
function(ota_test)
  cmake_parse_arguments(ARG "THREADS" "NAME;LABEL;TIMEOUT" "SOURCES;DEPS;EXTERNAL" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ota_test(${ARG_NAME}): unknown arguments ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  if(OTA_CORE_ONLY)
    return()
  endif()
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set(labels ${ARG_LABEL})
  file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  if(ARG_THREADS OR folder MATCHES "^device/host(/|$)")
    list(APPEND labels threads)
  endif()
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_include_directories(${ARG_NAME} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${ARG_NAME} PRIVATE ota_warnings ${ARG_DEPS} ${ARG_EXTERNAL}
    GTest::gmock GTest::gtest_main)
  if(folder MATCHES "^cloud/")
    target_compile_options(${ARG_NAME} PRIVATE ${ota_cloud_test_options})
  endif()
  set(test ${ARG_LABEL}.${ARG_NAME})
  add_test(NAME ${test} COMMAND ${ARG_NAME})
  set_tests_properties(${test} PROPERTIES LABELS "${labels}" TIMEOUT ${ARG_TIMEOUT})
  foreach(label IN LISTS labels)
    if(TARGET tests_${label})
      add_dependencies(tests_${label} ${ARG_NAME})
    endif()
  endforeach()
endfunction()

# ota_program(NAME mcu-ota SOURCES main.cpp ... DEPS ... [EXTERNAL ...] [INSTALL])
# The program goes to bin/ of the build folder; with INSTALL, `cmake --install` takes it along.
function(ota_program)
  cmake_parse_arguments(ARG "INSTALL" "NAME" "SOURCES;DEPS;EXTERNAL" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ota_program(${ARG_NAME}): unknown arguments ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_include_directories(${ARG_NAME} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${ARG_NAME} PRIVATE ota_warnings ${ARG_DEPS} ${ARG_EXTERNAL})
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  add_dependencies(tests_e2e ${ARG_NAME})
  if(ARG_INSTALL)
    install(TARGETS ${ARG_NAME} RUNTIME)
  endif()
endfunction()
