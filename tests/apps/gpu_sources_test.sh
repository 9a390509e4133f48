#!/usr/bin/env bash
# The CUDA C++ and the WGSL of every example, by a real compiler of each; the WGSL also runs, on a
# software device, and ends where `cotangent run` ends. No GPU is needed.
set -euo pipefail
: "${COTANGENT:?}" "${COTANGENT_SOURCE_DIR:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# All but those that `compile` refuses by name.
files=()
for file in "$COTANGENT_SOURCE_DIR"/examples/*.toml; do
  ! "$COTANGENT" compile "$file" --target c --quiet -o "$work/c.c" --overwrite 2>"$work/said" || files+=("$file")
done
[ ${#files[@]} -ge 12 ]
for file in "${files[@]}"; do
  name=$(basename "$file" .toml)
  "$COTANGENT" compile "$file" --target cuda --quiet -o "$work/$name.cu"
  "$COTANGENT" compile "$file" --target cuda --quiet --set run.precision=f32 -o "$work/${name}_f32.cu"
  "$COTANGENT" compile "$file" --target wgsl --quiet --set run.precision=f32 -o "$work/$name.wgsl"
done
# With error terms, and with forces in pairs where these can be had.
for name in kepler lennard_jones_13; do
  for precision in compensated double-single; do
    "$COTANGENT" compile "$COTANGENT_SOURCE_DIR/examples/$name.toml" --target cuda --quiet \
      --set run.precision=$precision -o "$work/${name}_$precision.cu"
  done
done
validate=$COTANGENT_SOURCE_DIR/tests/backend/validators/validate.sh
bash "$validate" wgsl "$work"/*.wgsl
bash "$validate" cuda "$work"/*.cu

# The validators do say no.
sed 's/fma(/fmb(/' "$work/kepler.wgsl" >"$work/wrong.wgsl"
sed 's/fma(/fmb(/' "$work/kepler.cu" >"$work/wrong.cu"
for kind in wgsl cuda; do
  extension=${kind/cuda/cu}
  if bash "$validate" "$kind" "$work/wrong.$extension" >/dev/null; then
    echo "$kind: what is wrong passed"
    exit 1
  fi
done

# On a device: f32 round-off over 100 steps, which some of these systems amplify.
for file in "${files[@]}"; do
  settings=(--set run.precision=f32 --set run.steps=100 --json --quiet)
  "$COTANGENT" compile "$file" --target wgsl "${settings[@]}" >"$work/compiled.json"
  "$COTANGENT" run "$file" "${settings[@]}" >"$work/ran.json"
  bash "$validate" run "$COTANGENT_SOURCE_DIR/tests/apps/wgsl_run.mjs" \
    "$work/compiled.json" "$work/ran.json" 1e-5
done
