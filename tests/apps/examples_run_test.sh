#!/usr/bin/env bash
# Every example that is a system file or a program in C++ runs and gives what it must; those in Python
# run in tests/python/wheel_test.sh. The programs in C++ draw themselves.
set -euo pipefail
: "${COTANGENT:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$COTANGENT" examples list >"$work/list"
failed=
while read -r name kind; do
  picture=()
  [ "$kind" = C++ ] && picture=(--picture "$work/$name.svg")
  if "$COTANGENT" examples run "$name" --quiet ${picture[@]+"${picture[@]}"} >"$work/said" 2>&1; then
    echo "ok  $name"
  else
    echo "FAILED: cotangent examples run $name"
    cat "$work/said"
    failed=yes
  fi
  [ "$kind" != C++ ] || grep -q '</svg>' "$work/$name.svg" || { echo "FAILED: $name draws nothing"; failed=yes; }
done < <(awk '$2 == "TOML" || $2 == "C++" {print $1, $2}' "$work/list")
[ "$(grep -c . "$work/list")" -ge 20 ]
[ -z "$failed" ]
