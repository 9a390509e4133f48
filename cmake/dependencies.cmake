# Dependencies, and which module may see each. Everything is linked privately: no public header
# names a dependency's type (tests/structure/module_order_test.sh checks that).
#
#   backend/cpu/llvm*.cpp   LLVM 19, shared
#   io                      HDF5, zlib, nlohmann_json
#   lang, formats           toml++;  formats also nlohmann_json
#   apps                    CLI11, nlohmann_json

find_package(Threads REQUIRED)

# LLVM: llvm-config answers in milliseconds; LLVM's CMake package looks for a dozen other packages.
function(cotangent_find_llvm)
  find_program(LLVM_CONFIG NAMES llvm-config-19 REQUIRED)
  foreach(question includedir libdir)
    execute_process(COMMAND ${LLVM_CONFIG} --${question} OUTPUT_VARIABLE ${question}
      OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
  find_library(COTANGENT_LLVM_LIBRARY NAMES LLVM-19 HINTS ${libdir} REQUIRED)
  # The shared LLVM takes 20 to 40 ms to start, whether it is used or not; an executable with the
  # property COTANGENT_STATIC_LLVM has the parts it needs inside, starts in 5, and is 36 MB larger.
  execute_process(COMMAND ${LLVM_CONFIG} --link-static --libfiles orcjit x86codegen x86desc x86info
    aarch64codegen aarch64desc aarch64info OUTPUT_VARIABLE static ERROR_QUIET
    OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
  find_library(COTANGENT_ZLIB_LIBRARY NAMES z)
  find_library(COTANGENT_ZSTD_LIBRARY NAMES zstd)
  add_library(cotangent_dependency_llvm_static INTERFACE)
  if(failed OR NOT COTANGENT_ZLIB_LIBRARY OR NOT COTANGENT_ZSTD_LIBRARY)
    target_link_libraries(cotangent_dependency_llvm_static INTERFACE ${COTANGENT_LLVM_LIBRARY})
  else()
    separate_arguments(static)
    target_link_libraries(cotangent_dependency_llvm_static INTERFACE ${static}
      ${COTANGENT_ZLIB_LIBRARY} ${COTANGENT_ZSTD_LIBRARY})
  endif()
  add_library(cotangent_dependency_llvm INTERFACE)
  target_include_directories(cotangent_dependency_llvm SYSTEM INTERFACE ${includedir})
  target_compile_definitions(cotangent_dependency_llvm INTERFACE
    __STDC_CONSTANT_MACROS __STDC_FORMAT_MACROS __STDC_LIMIT_MACROS)
endfunction()

function(cotangent_find_io)
  find_path(COTANGENT_HDF5_INCLUDE hdf5.h PATH_SUFFIXES hdf5/serial REQUIRED)
  find_library(COTANGENT_HDF5_LIBRARY NAMES hdf5_serial hdf5 REQUIRED)
  find_library(COTANGENT_ZLIB_LIBRARY NAMES z REQUIRED)
  find_path(COTANGENT_ZLIB_INCLUDE zlib.h REQUIRED)
endfunction()

# Sets `libraries` (full paths) and `includes` of one module in the caller's scope.
function(cotangent_module_dependencies module)
  set(libraries "")
  set(includes "")
  set(headers "")
  if(module STREQUAL "backend")
    cotangent_find_llvm()
    set(is_static $<BOOL:$<TARGET_PROPERTY:COTANGENT_STATIC_LLVM>>)
    list(APPEND libraries
      $<IF:${is_static},cotangent_dependency_llvm_static,${COTANGENT_LLVM_LIBRARY}>)
  elseif(module STREQUAL "io")
    cotangent_find_io()
    list(APPEND libraries ${COTANGENT_HDF5_LIBRARY} ${COTANGENT_ZLIB_LIBRARY})
    list(APPEND includes ${COTANGENT_HDF5_INCLUDE} ${COTANGENT_ZLIB_INCLUDE})
  endif()
  # Header-only ones.
  if(module MATCHES "^(lang|formats)$")
    list(APPEND headers toml++/toml.h)
  endif()
  if(module MATCHES "^(io|formats|apps)$")
    list(APPEND headers nlohmann/json.hpp)
  endif()
  if(module STREQUAL "apps")
    list(APPEND headers CLI/CLI.hpp)
  endif()
  foreach(header IN LISTS headers)
    string(MAKE_C_IDENTIFIER "COTANGENT_INCLUDE_${header}" variable)
    find_path(${variable} ${header} REQUIRED)
    list(APPEND includes ${${variable}})
  endforeach()
  list(REMOVE_DUPLICATES includes)
  set(libraries ${libraries} PARENT_SCOPE)
  set(includes ${includes} PARENT_SCOPE)
endfunction()
