# Writes OUTPUT, which defines source_version(): a digest of all sources of the modules MODULES. Run by the
# build whenever one of them changes (cmake/modules.cmake).
set(all "")
foreach(module IN LISTS MODULES)
  file(GLOB_RECURSE files RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/cotangent/${module}/*.h
    ${SOURCE_DIR}/cotangent/${module}/*.cpp ${SOURCE_DIR}/cotangent/${module}/*.def)
  list(SORT files)
  foreach(file IN LISTS files)
    file(SHA256 ${SOURCE_DIR}/${file} digest)
    string(APPEND all "${file} ${digest}\n")
  endforeach()
endforeach()
string(SHA256 digest "${all}")
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT [[
#include "cotangent/backend/cpu/code_key.h"

namespace cotangent::backend::cpu {

const char* source_version() {
  return "@digest@";
}

}  // namespace cotangent::backend::cpu
]] @ONLY)
