# Tests are found by place and name:
#   tests/<folder>/*_test.cpp        one GoogleTest executable a folder, test_<folder>
#   tests/<folder>/*_slow_test.cpp   its long ones: test_<folder>_slow, also labelled `slow`
#   tests/<folder>/*.cpp             helpers, linked into both
#   tests/<folder>/*_test.sh         a ctest entry of its own, labelled `shell`; a line
#                                    "# labels: slow" in it adds labels
#   tests/fuzz/<module>_<what>.cpp   a libFuzzer target, fuzz_<module>_<what> (COTANGENT_FUZZ only)
# <folder> is a module, which is then linked with those above it, or any other name: all modules.
# The label of a test is its folder. Every test sees COTANGENT (the executable),
# COTANGENT_SOURCE_DIR and COTANGENT_BUILD_DIR in its environment, and no code cache: what is tested
# is made, not found, and nothing is left in the user's cache (tests/no_cache.cpp sees to that also
# where an executable is run by hand).

find_package(GTest REQUIRED)
find_library(COTANGENT_MPFR_LIBRARY mpfr)

set(cotangent_test_environment
  "COTANGENT=${PROJECT_BINARY_DIR}/cotangent"
  "COTANGENT_SOURCE_DIR=${PROJECT_SOURCE_DIR}"
  "COTANGENT_BUILD_DIR=${PROJECT_BINARY_DIR}"
  "COTANGENT_CACHE=off")

# One precompiled header for all test executables: GoogleTest and the standard headers.
# It belongs to an executable so that it is compiled with -fPIE, as they are.
add_executable(cotangent_test_headers EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/package/headers.cpp)
target_link_libraries(cotangent_test_headers PRIVATE
  GTest::gtest_main GTest::gmock GTest::gtest)
set_target_properties(cotangent_test_headers PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_precompile_headers(cotangent_test_headers PRIVATE
  ${cotangent_standard_headers} <random> <gmock/gmock.h> <gtest/gtest.h>)
# What a test spends its time on, and what it is there to check, is in the libraries: optimising its
# own code doubles the build of a test, and the address sanitizer makes it eight times as long.
set(cotangent_test_options
  $<$<CONFIG:Release>:-O1> "$<$<CONFIG:Asan>:-O0;-fno-sanitize=all>")
target_compile_options(cotangent_test_headers PRIVATE ${cotangent_test_options})

function(cotangent_test_libraries result folder)
  if(folder IN_LIST cotangent_modules)
    set(${result} ${cotangent_up_to_${folder}} PARENT_SCOPE)
  else()
    set(${result} ${cotangent_everything} PARENT_SCOPE)
  endif()
endfunction()

# The sanitizer build checks the libraries: the code of its tests is that of another build, brought up
# to date there and linked here. The option is that build's folder, build/<preset>.
set(COTANGENT_TESTS_OF "" CACHE PATH "Link the compiled tests of this build folder")
set(cotangent_linked_tests "")  # the objects of all tests, where they are not compiled here

function(cotangent_add_test_executable target labels folder)
  set(code ${ARGN} ${PROJECT_SOURCE_DIR}/tests/no_cache.cpp)
  if(COTANGENT_TESTS_OF)
    set(objects "")
    foreach(source IN LISTS code)
      cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
      list(APPEND objects ${COTANGENT_TESTS_OF}/CMakeFiles/${target}.dir/${source}.o)
    endforeach()
    set_source_files_properties(${objects} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
    set(cotangent_linked_tests ${cotangent_linked_tests} ${objects} PARENT_SCOPE)
    set(code ${objects})
  endif()
  add_executable(${target} ${code})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  cotangent_test_libraries(libraries ${folder})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE ${libraries}
    GTest::gtest_main GTest::gmock GTest::gtest Threads::Threads)
  if(COTANGENT_MPFR_LIBRARY)
    target_link_libraries(${target} PRIVATE -Wl,--as-needed ${COTANGENT_MPFR_LIBRARY})
  endif()
  # Of an inline function that test and library both have, the linker takes the first: let that be
  # the library's, which is instrumented and optimised.
  if(CMAKE_BUILD_TYPE STREQUAL "Asan")
    target_link_options(${target} PRIVATE LINKER:--whole-archive)
    foreach(library IN LISTS libraries)
      target_link_options(${target} PRIVATE $<TARGET_FILE:${library}>)
    endforeach()
    target_link_options(${target} PRIVATE LINKER:--no-whole-archive)
  endif()
  if(COTANGENT_TESTS_OF)
    add_dependencies(${target} cotangent_tests_of)
  else()
    target_precompile_headers(${target} REUSE_FROM cotangent_test_headers)
    target_compile_options(${target} PRIVATE ${cotangent_test_options})
  endif()
  set_target_properties(${target} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  set(cotangent_test_executables ${cotangent_test_executables} ${target} PARENT_SCOPE)
  # One entry an executable: starting a process a test case costs more than most cases.
  add_test(NAME ${target} COMMAND ${target} --gtest_brief=1
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set(limit 900)
  if("slow" IN_LIST labels OR CMAKE_BUILD_TYPE STREQUAL "Asan")  # which takes ten times as long
    set(limit 2400)
  endif()
  set_tests_properties(${target} PROPERTIES LABELS "${labels}" TIMEOUT ${limit}
    ENVIRONMENT "${cotangent_test_environment}")
endfunction()

file(GLOB_RECURSE test_files CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/tests/*.cpp ${PROJECT_SOURCE_DIR}/tests/*_test.sh)
set(test_folders "")
foreach(file IN LISTS test_files)
  if(file MATCHES "/tests/([A-Za-z0-9_]+)/.*\\.cpp$")
    list(APPEND test_folders ${CMAKE_MATCH_1})
  endif()
endforeach()
list(REMOVE_DUPLICATES test_folders)
list(REMOVE_ITEM test_folders fuzz)

foreach(folder IN LISTS test_folders)
  set(sources ${test_files})
  list(FILTER sources INCLUDE REGEX "^${PROJECT_SOURCE_DIR}/tests/${folder}/.*\\.cpp$")
  set(slow ${sources})
  list(FILTER slow INCLUDE REGEX "_slow_test\\.cpp$")
  set(helpers ${sources})
  list(FILTER helpers EXCLUDE REGEX "_test\\.cpp$")
  set(quick ${sources})
  list(FILTER quick INCLUDE REGEX "_test\\.cpp$")
  list(FILTER quick EXCLUDE REGEX "_slow_test\\.cpp$")
  if(quick)
    cotangent_add_test_executable(test_${folder} "${folder}" ${folder} ${quick} ${helpers})
  endif()
  if(slow)
    cotangent_add_test_executable(test_${folder}_slow "${folder};slow" ${folder}
      ${slow} ${helpers})
  endif()
endforeach()

if(COTANGENT_TESTS_OF)
  cmake_path(GET COTANGENT_TESTS_OF FILENAME preset)
  add_custom_target(cotangent_tests_of
    COMMAND bash -c ". scripts/common.sh && build ${preset} all_tests"
    BYPRODUCTS ${cotangent_linked_tests}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} USES_TERMINAL VERBATIM)
else()
  add_custom_target(all_tests DEPENDS ${cotangent_test_executables})
endif()

foreach(script IN LISTS test_files)
  if(script MATCHES "/tests/([A-Za-z0-9_]+)/.*\\.sh$")
    set(labels ${CMAKE_MATCH_1} shell)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${script})
    file(STRINGS ${script} extra REGEX "^# labels: ")
    string(REGEX REPLACE "# labels: " "" extra "${extra}")
    string(REPLACE " " ";" extra "${extra}")
    get_filename_component(name ${script} NAME_WE)
    list(GET labels 0 folder)
    add_test(NAME ${folder}/${name} COMMAND bash ${script}
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${folder}/${name} PROPERTIES LABELS "${labels};${extra}" TIMEOUT 900
      ENVIRONMENT "${cotangent_test_environment}")
  endif()
endforeach()

# --- Fuzz targets. `ninja fuzzers` builds them; ./test runs each for a few seconds.
add_custom_target(fuzzers)
if(COTANGENT_FUZZ)
  foreach(source IN LISTS test_files)
    if(source MATCHES "/tests/fuzz/(([a-z0-9]+)[a-z0-9_]*)\\.cpp$")
      set(target fuzz_${CMAKE_MATCH_1})
      cotangent_test_libraries(libraries ${CMAKE_MATCH_2})
      add_executable(${target} EXCLUDE_FROM_ALL ${source})
      target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
      target_link_libraries(${target} PRIVATE ${libraries})
      target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
      target_link_options(${target} PRIVATE -fsanitize=fuzzer)
      set_target_properties(${target} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
      add_dependencies(fuzzers ${target})
    endif()
  endforeach()
endif()
