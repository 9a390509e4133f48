# The Python extension module, python/src/*.cpp -> cotangent/_core beside python/cotangent/*.py.
# `pip install .` asks for it (pyproject.toml); it carries LLVM inside, with no symbol shown, so that
# another LLVM in the process does not meet it.
option(COTANGENT_BUILD_PYTHON "Build the Python extension module (needs nanobind)" OFF)
if(NOT COTANGENT_BUILD_PYTHON)
  return()
endif()

find_package(Python 3.9 REQUIRED COMPONENTS Interpreter Development.Module)
execute_process(COMMAND ${Python_EXECUTABLE} -m nanobind --cmake_dir
  OUTPUT_VARIABLE nanobind_ROOT OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "nanobind is missing: ${Python_EXECUTABLE} -m pip install nanobind")
endif()
find_package(nanobind CONFIG REQUIRED)

file(GLOB_RECURSE python_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/python/src/*.cpp)
nanobind_add_module(cotangent_python NB_STATIC NOMINSIZE ${python_sources})
set_target_properties(cotangent_python PROPERTIES OUTPUT_NAME _core COTANGENT_STATIC_LLVM ON
  LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/python/cotangent)
target_include_directories(cotangent_python PRIVATE ${PROJECT_SOURCE_DIR})
if(CMAKE_BUILD_TYPE STREQUAL "Asan")
  target_compile_options(cotangent_python PRIVATE -O0)  # as most modules (cmake/modules.cmake)
endif()
target_link_libraries(cotangent_python PRIVATE ${cotangent_everything})
target_link_options(cotangent_python PRIVATE LINKER:--exclude-libs,ALL LINKER:--gc-sections)

# The module's types for mypy, from the module itself. It wants the error classes beside it, and
# nothing else of the package, so that a build needs no numpy.
configure_file(${PROJECT_SOURCE_DIR}/python/cotangent/errors.py
  ${PROJECT_BINARY_DIR}/python/cotangent/errors.py COPYONLY)
file(WRITE ${PROJECT_BINARY_DIR}/python/cotangent/__init__.py "")
nanobind_add_stub(cotangent_python_stub MODULE cotangent._core INCLUDE_PRIVATE
  OUTPUT ${PROJECT_BINARY_DIR}/python/cotangent/_core.pyi
  PATTERN_FILE ${PROJECT_SOURCE_DIR}/python/src/stubs.pat
  PYTHON_PATH ${PROJECT_BINARY_DIR}/python DEPENDS cotangent_python)
install(FILES ${PROJECT_BINARY_DIR}/python/cotangent/_core.pyi DESTINATION cotangent
  COMPONENT python)
install(TARGETS cotangent_python LIBRARY DESTINATION cotangent COMPONENT python)
# The examples, for `python -m cotangent examples`; in the wheel's data, so that no tool takes them for
# modules of the package.
if(SKBUILD)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples/ COMPONENT python
    DESTINATION ${SKBUILD_DATA_DIR}/share/cotangent/examples PATTERN "__pycache__" EXCLUDE)
endif()
