#!/usr/bin/env bash
# The installed package is usable: installs this build to a temporary folder, then configures,
# builds and runs a small project that knows only find_package(cotangent).
set -euo pipefail
build=${COTANGENT_BUILD_DIR:?the build folder; ctest sets it}
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT

cmake --install "$build" --prefix "$prefix/installed" >"$prefix/install.log" 2>&1 ||
  { cat "$prefix/install.log"; exit 1; }

# Nothing that is not public was installed.
leaked=$(find "$prefix/installed" \( -path '*/include/cotangent/apps/*' -o -name 'llvm*' \) -type f)
[ -z "$leaked" ] || { echo "private headers were installed: $leaked"; exit 1; }

mkdir "$prefix/consumer"
cat >"$prefix/consumer/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES CXX)
find_package(cotangent 0.1 REQUIRED)
add_executable(consumer main.cpp)
target_link_libraries(consumer PRIVATE cotangent::cotangent)
END
cat >"$prefix/consumer/main.cpp" <<'END'
#include <cotangent/base/version.h>

#include <cstdio>

int main() {
  std::printf("cotangent %s\n", cotangent::kVersion);
  return 0;
}
END
{
  cmake -S "$prefix/consumer" -B "$prefix/consumer/build" -G Ninja \
    -DCMAKE_PREFIX_PATH="$prefix/installed" && cmake --build "$prefix/consumer/build"
} >"$prefix/consumer.log" 2>&1 || { cat "$prefix/consumer.log"; exit 1; }

said=$("$prefix/consumer/build/consumer")
echo "the consumer says: $said"
[[ "$said" =~ ^cotangent\ [0-9]+\.[0-9]+\.[0-9]+$ ]]

# The installed program finds the examples that were installed with it.
"$prefix/installed/bin/cotangent" examples run kepler --quiet >"$prefix/kepler.log" ||
  { cat "$prefix/kepler.log"; exit 1; }
grep -q "$prefix/installed/share/cotangent/examples/kepler.toml" "$prefix/kepler.log"
