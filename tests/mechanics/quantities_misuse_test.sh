#!/usr/bin/env bash
# Each file of tests/mechanics/misuse/ is the body of a function that must not compile, with the
# message in its first line ("// says: ..."); the one that begins with "// compiles" must.
set -euo pipefail
: "${COTANGENT_SOURCE_DIR:?}" "${COTANGENT_BUILD_DIR:?}"
compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$COTANGENT_BUILD_DIR/CMakeCache.txt")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(-std=c++20 -I "$COTANGENT_SOURCE_DIR")

# The header is parsed once.
cp "$COTANGENT_SOURCE_DIR/cotangent/mechanics/quantities.h" "$work/q.h"
sed -i '/^#pragma once/d' "$work/q.h"
"$compiler" "${flags[@]}" -x c++-header "$work/q.h" -o "$work/q.h.gch"

wrong=0 refused=0 compiled=0
for snippet in "$COTANGENT_SOURCE_DIR"/tests/mechanics/misuse/*.txt; do
  name=$(basename "$snippet" .txt)
  {
    echo '#include "q.h"'
    echo 'using namespace cotangent; using namespace quantities; using namespace literals;'
    echo 'void push(Force); void turn(Torque); void kick(Momentum); void drift(Velocity);'
    echo 'void place(Position); void move(Displacement); void weigh(Mass);'
    echo 'void snippet(Position q, Momentum p, Velocity v, Force f, Torque torque, Displacement r) {'
    cat "$snippet"
    echo '}'
  } >"$work/$name.cpp"
  if "$compiler" "${flags[@]}" -fsyntax-only "$work/$name.cpp" >"$work/said" 2>&1; then
    if ! grep -q '^// compiles' "$snippet"; then
      echo "$name: compiles, and must not"
      wrong=1
    fi
    compiled=$((compiled + 1))
    continue
  fi
  says=$(sed -n 's,^// says: ,,p' "$snippet")
  if grep -q '^// compiles' "$snippet" || ! grep -qF -- "$says" "$work/said"; then
    echo "$name: wanted: ${says:-that it compiles}; said:"
    head -20 "$work/said"
    wrong=1
  fi
  refused=$((refused + 1))
done
if ((refused < 30 || compiled != 1)); then
  echo "$refused refused, $compiled compiled"
  wrong=1
fi
exit $wrong
