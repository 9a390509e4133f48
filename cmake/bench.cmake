# bench/*.cpp -> bench_<name>, built by the target `bench` only. These hold the hand-written
# codes we measure ourselves against, so they get every flag such a code would get.
# bench/hand/*.cpp is hand-written code for the cases of bench/suite.cpp, with the flags its authors
# would give it: fast mathematics lets the compiler vectorise sin and cos.
add_custom_target(bench)
file(GLOB hand_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/hand/*.cpp)
add_library(bench_hand STATIC EXCLUDE_FROM_ALL ${hand_sources})
target_compile_options(bench_hand PRIVATE
  -O3 -march=native -fopenmp-simd -ffast-math -ffp-contract=fast)
target_include_directories(bench_hand PRIVATE ${PROJECT_SOURCE_DIR})
file(GLOB bench_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*.cpp)
foreach(source IN LISTS bench_sources)
  get_filename_component(name ${source} NAME_WE)
  add_executable(bench_${name} EXCLUDE_FROM_ALL ${source})
  target_compile_options(bench_${name} PRIVATE
    -O3 -march=native -fopenmp-simd -ffp-contract=fast)
  target_include_directories(bench_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(bench_${name} PRIVATE bench_hand ${cotangent_everything} Threads::Threads)
  set_target_properties(bench_${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
  add_dependencies(bench bench_${name})
endforeach()
