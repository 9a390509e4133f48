# Flags of all our C++, tests included.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g0 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g1")
# No recovery: the first finding ends the test.
set(CMAKE_CXX_FLAGS_ASAN "-O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all")
set(CMAKE_CXX_FLAGS_TSAN "-O1 -g1 -fno-omit-frame-pointer -fsanitize=thread")

# Contraction to fma is a pass of ours; the C++ compiler must not do it behind our back, or the
# evaluator and the compiled kernels would differ in the last bit. No -march for the same reason.
add_compile_options(-Wall -Wextra -Wpedantic -Werror=return-type -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_COLOR_DIAGNOSTICS)
  add_compile_options(-fcolor-diagnostics)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # libstdc++'s own use of its temporary buffers, told of once it is precompiled.
  add_compile_options(-Wno-deprecated-declarations)
endif()
if(COTANGENT_VERIFY_PASSES)
  add_compile_definitions(COTANGENT_VERIFY_PASSES=1)
endif()
if(COTANGENT_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "COTANGENT_FUZZ needs Clang (libFuzzer); use the preset 'asan'")
  endif()
endif()

find_program(CCACHE ccache)
mark_as_advanced(CCACHE)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness is what ccache asks for when a precompiled header is used; below the base, build
  # folders of one checkout share what they compile alike.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${CCACHE})
endif()

# The standard headers most of our sources include, compiled once: two seconds of each file's four.
# Sources still include what they use; a build with CMAKE_DISABLE_PRECOMPILE_HEADERS=ON checks that.
set(cotangent_standard_headers <algorithm> <array> <cmath> <cstdint> <functional> <map> <memory>
  <numeric> <optional> <ostream> <set> <span> <sstream> <string> <string_view> <unordered_map>
  <utility> <variant> <vector>)
file(CONFIGURE OUTPUT package/headers.cpp CONTENT "// Carries the precompiled header.\n")

# Eight sources of a module are compiled as one: they share headers and templates. So the names of
# one module differ, those in unnamed namespaces too (docs/decisions/0039-build-time.md).
option(COTANGENT_UNITY_BUILD "Compile several sources of a module as one" ON)
