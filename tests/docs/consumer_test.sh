#!/usr/bin/env bash
# Every cpp block of the README and of docs/ is a program: built from a fresh CMake project that finds
# the installed package, and run; the package's header is compiled once. The one in the README has at
# most 15 lines.
# labels: slow
set -euo pipefail
: "${COTANGENT_BUILD_DIR:?}" "${COTANGENT_SOURCE_DIR:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$COTANGENT_BUILD_DIR" --prefix "$work/prefix" >/dev/null
mkdir "$work/project"
python3 "$COTANGENT_SOURCE_DIR/tests/docs/snippets.py" extract cpp "$work/project"
lines=$(($(wc -l <"$work/project/0.cpp") - 1))
[ "$lines" -le 15 ] || { echo "the README's program has $lines lines" >&2; exit 1; }
{
  echo 'cmake_minimum_required(VERSION 3.25)'
  echo 'project(consumer LANGUAGES CXX)'
  echo 'find_package(cotangent REQUIRED)'
  for source in "$work"/project/*.cpp; do
    name=$(basename "$source" .cpp)
    echo "add_executable(program_$name $name.cpp)"
    echo "target_link_libraries(program_$name PRIVATE cotangent::cotangent)"
    if [ "$name" = 0 ]; then
      echo "target_precompile_headers(program_0 PRIVATE <cotangent/cotangent.h>)"
    else
      echo "target_precompile_headers(program_$name REUSE_FROM program_0)"
    fi
  done
} >"$work/project/CMakeLists.txt"
cmake -S "$work/project" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" \
  -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 >/dev/null
cmake --build "$work/build" >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
cd "$COTANGENT_SOURCE_DIR"
for program in "$work"/build/program_*; do
  [ -x "$program" ] && [ -f "$program" ] || continue
  echo "== $(head -1 "$work/project/$(basename "$program" | sed 's/program_//').cpp")"
  "$program"
done | tee "$work/printed"
grep -q '^energy' "$work/printed"
