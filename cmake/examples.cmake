# examples/*.cpp -> build/<preset>/examples/<name>: programs that use the library as anybody would.
# Tests run them (tests/apps/example_programs_test.sh).
file(GLOB example_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/*.cpp)
foreach(source IN LISTS example_sources)
  get_filename_component(name ${source} NAME_WE)
  add_executable(example_${name} ${source})
  target_include_directories(example_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(example_${name} PRIVATE ${cotangent_everything} Threads::Threads)
  set_target_properties(example_${name} PROPERTIES OUTPUT_NAME ${name}
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
endforeach()
