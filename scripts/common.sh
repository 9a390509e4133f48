# Shared by ./run and ./test; sourced, with the repository's root as the working directory.

say() { printf '%s\n' "$*" >&2; }

# Installs what is missing. Skipped when this version of the script has succeeded here before.
# usage: ensure_dependencies [--tests]
ensure_dependencies() {
  local sum stamp
  sum=$(cksum <scripts/install_deps.sh)
  stamp="build/.dependencies-${sum%% *}${1:-}"
  [ -e "$stamp" ] && return 0
  scripts/install_deps.sh "$@"
  mkdir -p build
  rm -f build/.dependencies-*"${1:-}"
  : >"$stamp"
}

# The folder of the Python tools that tests need (python/tests/requirements.txt), made once: $python_tools.
ensure_python_tools() {
  local requirements=python/tests/requirements.txt stamp
  python_tools=$PWD/build/python-tools
  stamp=$python_tools/.$(cksum <"$requirements" | tr ' ' -)
  [ -e "$stamp" ] && return 0
  python3 -m venv "$python_tools"
  "$python_tools/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
  rm -f "$python_tools"/.[0-9]*
  : >"$stamp"
}

# Configures build/<preset> if it never was. Afterwards Ninja itself re-runs CMake when needed.
ensure_configured() {
  [ -e "build/$1/build.ninja" ] && return 0
  say "configuring build/$1 (log: build/$1.configure.log)"
  mkdir -p build
  if ! cmake --preset "$1" >"build/$1.configure.log" 2>&1; then
    cat "build/$1.configure.log" >&2
    return 1
  fi
}

# Builds targets of build/<preset>; says nothing when there is nothing to do.
# usage: build <preset> [target...]
build() {
  local preset=$1
  shift
  ensure_configured "$preset"
  ninja -C "build/$preset" "$@" 2>&1 |
    { grep --line-buffered -vE '^ninja: (no work to do|Entering directory)|Re-checking globbed' ||
      true; } >&2
}
