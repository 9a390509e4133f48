#!/usr/bin/env bash
# The programs in examples/ do what they say: the ball is in the basket after a million steps, in
# memory that does not grow with their number; the planets' masses are within three standard
# deviations.
set -euo pipefail
build=${COTANGENT_BUILD_DIR:?the build folder; ctest sets it}
cd "${COTANGENT_SOURCE_DIR:?the source folder; ctest sets it}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

peak_mib() { sed -n 's/.*the process had \([0-9]*\) MiB.*/\1/p' "$1"; }
for steps in 1000 1000000; do
  "$build/examples/basket" examples/basket.toml "$steps" >"$work/$steps" || { cat "$work/$steps"; fail basket; }
  grep -q '^in\.' "$work/$steps" || fail "the ball of $steps steps is not in"
done
few=$(peak_mib "$work/1000") many=$(peak_mib "$work/1000000")
[ $((many - few)) -le 4 ] || fail "a million steps take $many MiB, a thousand $few"

"$build/examples/planet_masses" examples/outer_solar_system.toml "$work/plot.svg" >"$work/masses" ||
  { cat "$work/masses"; fail planet_masses; }
grep -q '^within three standard deviations' "$work/masses" || fail "the masses"
grep -q '</svg>' "$work/plot.svg" || fail "no plot"
code=0
"$build/examples/basket" "$work/none.toml" 2>"$work/err" || code=$?
[ "$code" = 2 ] && grep -q '^error:' "$work/err" || fail "a file that is not there"
