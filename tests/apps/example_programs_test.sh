#!/usr/bin/env bash
# What the programs in examples/ say besides (examples_run_test.sh runs them): the ball is in the basket
# after a million steps in memory that does not grow with their number, and what is wrong is told.
set -euo pipefail
build=${COTANGENT_BUILD_DIR:?the build folder; ctest sets it}
cd "${COTANGENT_SOURCE_DIR:?the source folder; ctest sets it}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

peak_mib() { sed -n 's/.*the process had \([0-9]*\) MiB.*/\1/p' "$1"; }
for steps in 1000 1000000; do
  "$build/examples/basket_throw" examples/basket.toml "$steps" >"$work/$steps" || { cat "$work/$steps"; fail basket_throw; }
  grep -q '^in\.' "$work/$steps" || fail "the ball of $steps steps is not in"
done
few=$(peak_mib "$work/1000") many=$(peak_mib "$work/1000000")
[ $((many - few)) -le 4 ] || fail "a million steps take $many MiB, a thousand $few"

code=0
"$build/examples/basket_throw" "$work/none.toml" 2>"$work/err" || code=$?
[ "$code" = 2 ] && grep -q '^error:' "$work/err" || fail "a file that is not there"
code=0
"$build/examples/basket_throw" examples/basket.toml 1000 --picture "$work/throw.png" >"$work/said" 2>"$work/err" || code=$?
[ "$code" = 2 ] && grep -q 'no .svg' "$work/err" || fail "a picture that is no SVG"
