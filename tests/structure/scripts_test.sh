#!/usr/bin/env bash
# The scripts at the top of the repository: wrong use gives a message and a non-zero exit code.
set -euo pipefail
cd "${COTANGENT_SOURCE_DIR:?the repository; ctest sets it}"

failures=0
fails() { # <expected in the output> <command...>
  local expected=$1 output
  shift
  if output=$("$@" 2>&1 </dev/null); then
    echo "exit code 0 from: $*"
    failures=1
  elif ! grep -qF -- "$expected" <<<"$output"; then
    printf 'expected "%s" from: %s\nit printed:\n%s\n' "$expected" "$*" "$output"
    failures=1
  fi
}

for script in run test .ci/run scripts/*.sh scripts/build_site; do
  bash -n "$script" || failures=1
done
fails "unknown option" ./test --no-such-option
fails "unknown option" scripts/install_deps.sh --no-such-option
fails "unknown option" scripts/build_site --no-such-option

# ./run builds into build/release: only the tests of that very build may start it, or two Ninjas
# would work in one folder.
if [ "${COTANGENT_BUILD_DIR:-}" = "$PWD/build/release" ] && [ -x "$COTANGENT" ]; then
  fails "no_such_file.toml" ./run /no_such_folder/no_such_file.toml
fi
exit $failures
