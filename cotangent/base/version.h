// The version of the library. CMakeLists.txt reads it from here.
#pragma once

namespace cotangent {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace cotangent
