# cotangent/<module>/**/*.cpp -> library cotangent_<module>, in the order of module_order.txt.
# A module without sources is skipped. Then the umbrella library, the executable, the package.

file(STRINGS cmake/module_order.txt cotangent_modules REGEX "^[a-z]")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS cmake/module_order.txt)
file(GLOB_RECURSE cotangent_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cotangent/*.cpp)

set(cotangent_built "")          # targets of the modules so far
set(cotangent_objects "")        # what the umbrella library is made of: all but apps
set(cotangent_link "")           # and what it links
# What decides the machine code of a kernel program is part of the name it is cached under.
set(code_modules base ir kernel backend)
set(code_sources "")
foreach(module IN LISTS code_modules)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cotangent/${module}/*.h
    ${PROJECT_SOURCE_DIR}/cotangent/${module}/*.cpp ${PROJECT_SOURCE_DIR}/cotangent/${module}/*.def)
  list(APPEND code_sources ${files})
endforeach()
set(source_version ${PROJECT_BINARY_DIR}/generated/source_version.cpp)
add_custom_command(OUTPUT ${source_version}
  COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${PROJECT_SOURCE_DIR} "-DMODULES=${code_modules}"
    -DOUTPUT=${source_version} -P ${PROJECT_SOURCE_DIR}/cmake/source_version.cmake
  DEPENDS ${code_sources} ${PROJECT_SOURCE_DIR}/cmake/source_version.cmake VERBATIM)

# The fuzzer is led by coverage of the modules that read text; elsewhere it would only cost.
set(fuzzed_modules base ir lang io formats)

function(cotangent_add_module_headers target)
  add_library(${target} OBJECT EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/package/headers.cpp)
  target_precompile_headers(${target} PRIVATE ${cotangent_standard_headers})
  target_compile_options(${target} PRIVATE ${ARGN})
endfunction()
cotangent_add_module_headers(cotangent_module_headers)
# Under sanitizers optimising takes more time than these modules' tests spend in them.
set(unoptimised_modules "")
if(CMAKE_BUILD_TYPE STREQUAL "Asan")
  set(unoptimised_modules telemetry backend runtime array mechanics)
  cotangent_add_module_headers(cotangent_unoptimised_headers -O0)
endif()
if(COTANGENT_FUZZ)
  cotangent_add_module_headers(cotangent_fuzzed_headers -fsanitize=fuzzer-no-link)
endif()

foreach(module IN LISTS cotangent_modules)
  set(sources ${cotangent_sources})
  list(FILTER sources INCLUDE REGEX "^${PROJECT_SOURCE_DIR}/cotangent/${module}/")
  list(FILTER sources EXCLUDE REGEX "/cotangent/apps/main\\.cpp$")
  if(sources)
    if(module STREQUAL "backend")
      list(APPEND sources ${source_version})
    endif()
    cotangent_module_dependencies(${module})

    # The only sources that see LLVM's headers.
    set(llvm_sources ${sources})
    list(FILTER llvm_sources INCLUDE REGEX "/cotangent/backend/cpu/llvm[^/]*\\.cpp$")
    set(groups ${module}_objects)
    if(llvm_sources)
      list(REMOVE_ITEM sources ${llvm_sources})
      list(APPEND groups ${module}_llvm_objects)
      add_library(cotangent_${module}_llvm_objects OBJECT ${llvm_sources})
      target_link_libraries(cotangent_${module}_llvm_objects PRIVATE cotangent_dependency_llvm)
      target_compile_options(cotangent_${module}_llvm_objects PRIVATE
        -Wno-unused-parameter $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    endif()
    if(sources)
      add_library(cotangent_${module}_objects OBJECT ${sources})
      if(COTANGENT_FUZZ AND module IN_LIST fuzzed_modules)
        target_precompile_headers(cotangent_${module}_objects REUSE_FROM cotangent_fuzzed_headers)
        target_compile_options(cotangent_${module}_objects PRIVATE -fsanitize=fuzzer-no-link)
      elseif(module IN_LIST unoptimised_modules)
        target_precompile_headers(cotangent_${module}_objects
          REUSE_FROM cotangent_unoptimised_headers)
        target_compile_options(cotangent_${module}_objects PRIVATE -O0)
      else()
        target_precompile_headers(cotangent_${module}_objects REUSE_FROM cotangent_module_headers)
      endif()
    else()
      list(REMOVE_ITEM groups ${module}_objects)
    endif()

    add_library(cotangent_${module} STATIC)
    foreach(group IN LISTS groups)
      set_target_properties(cotangent_${group} PROPERTIES
        UNITY_BUILD ${COTANGENT_UNITY_BUILD} UNITY_BUILD_BATCH_SIZE 8)
      target_include_directories(cotangent_${group} PRIVATE ${PROJECT_SOURCE_DIR})
      target_include_directories(cotangent_${group} SYSTEM PRIVATE ${includes})
      target_sources(cotangent_${module} PRIVATE $<TARGET_OBJECTS:cotangent_${group}>)
      if(NOT module STREQUAL "apps")
        list(APPEND cotangent_objects $<TARGET_OBJECTS:cotangent_${group}>)
      endif()
    endforeach()
    target_include_directories(cotangent_${module} PUBLIC ${PROJECT_SOURCE_DIR})
    set(above ${cotangent_built})
    list(REVERSE above)          # a static archive comes before those it uses
    target_link_libraries(cotangent_${module}
      PUBLIC ${above} Threads::Threads PRIVATE ${libraries} ${CMAKE_DL_LIBS})
    set_target_properties(cotangent_${module} PROPERTIES
      ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/modules LINKER_LANGUAGE CXX)
    list(APPEND cotangent_built cotangent_${module})
    if(module STREQUAL "backend")
      # A static library names what its users must link, and so nothing that is only of this build.
      set(libraries
        $<IF:$<BOOL:${BUILD_SHARED_LIBS}>,cotangent_dependency_llvm_static,${COTANGENT_LLVM_LIBRARY}>)
    endif()
    list(APPEND cotangent_link ${libraries})
  endif()
  # The targets a test of this module links, nearest first.
  set(cotangent_up_to_${module} ${cotangent_built})
  list(REVERSE cotangent_up_to_${module})
endforeach()
set(cotangent_everything ${cotangent_built})
list(REVERSE cotangent_everything)

# --- The library a person links: all modules but apps in one file.
# Its target is not called `cotangent` because the executable's file is: Ninja has one name space.
if(cotangent_objects)
  add_library(cotangent_library)
  target_sources(cotangent_library PRIVATE ${cotangent_objects})
  target_link_libraries(cotangent_library
    PUBLIC Threads::Threads PRIVATE ${cotangent_link} ${CMAKE_DL_LIBS})
  # As a shared library it shows no symbol of a static dependency.
  target_link_options(cotangent_library PRIVATE LINKER:--exclude-libs,ALL)
  set_target_properties(cotangent_library PROPERTIES
    EXPORT_NAME cotangent OUTPUT_NAME cotangent LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  set(scope PUBLIC)
else()
  add_library(cotangent_library INTERFACE)
  set_target_properties(cotangent_library PROPERTIES EXPORT_NAME cotangent)
  set(scope INTERFACE)
endif()
add_library(cotangent::cotangent ALIAS cotangent_library)
target_compile_features(cotangent_library ${scope} cxx_std_20)
target_include_directories(cotangent_library ${scope}
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

# --- The executable, at the top of the build folder.
if(EXISTS ${PROJECT_SOURCE_DIR}/cotangent/apps/main.cpp)
  add_executable(cotangent_cli cotangent/apps/main.cpp)
  set_target_properties(cotangent_cli PROPERTIES
    OUTPUT_NAME cotangent RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR} COTANGENT_STATIC_LLVM ON)
  target_link_options(cotangent_cli PRIVATE LINKER:--gc-sections)
  cotangent_module_dependencies(apps)
  target_include_directories(cotangent_cli SYSTEM PRIVATE ${includes})
  target_include_directories(cotangent_cli PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(cotangent_cli PRIVATE ${cotangent_everything})
  install(TARGETS cotangent_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(DIRECTORY examples/ DESTINATION ${CMAKE_INSTALL_DATADIR}/cotangent/examples
    PATTERN "__pycache__" EXCLUDE)
endif()

# --- The package: find_package(cotangent), target cotangent::cotangent.
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cotangent)
install(TARGETS cotangent_library EXPORT cotangent
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT cotangent NAMESPACE cotangent:: FILE cotangent-targets.cmake
  DESTINATION ${package_dir})
install(DIRECTORY cotangent DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h" PATTERN "*.def" PATTERN "*.inl"
  PATTERN "apps" EXCLUDE REGEX "backend/cpu/llvm[^/]*$" EXCLUDE)
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})
include(CMakePackageConfigHelpers)
file(WRITE ${PROJECT_BINARY_DIR}/package/cotangent-config.cmake.in [[
@PACKAGE_INIT@
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include("${CMAKE_CURRENT_LIST_DIR}/cotangent-targets.cmake")
check_required_components(cotangent)
]])
configure_package_config_file(${PROJECT_BINARY_DIR}/package/cotangent-config.cmake.in
  ${PROJECT_BINARY_DIR}/package/cotangent-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/cotangent-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/cotangent-config.cmake
  ${PROJECT_BINARY_DIR}/package/cotangent-config-version.cmake DESTINATION ${package_dir})
