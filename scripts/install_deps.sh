#!/usr/bin/env bash
# Installs the Debian packages that Cotangent needs, and nothing that is already there.
#
#   scripts/install_deps.sh            what the build needs
#   scripts/install_deps.sh --python   that, and what `pip install .` needs
#   scripts/install_deps.sh --tests    both, and what only the tests need (Chromium, Clang, ...)
#
# Safe to call again: when nothing is missing it changes nothing and needs neither root nor a network.
set -euo pipefail

build_packages=(
  g++ cmake ninja-build ccache git
  llvm-19-dev libllvm19
  libtomlplusplus-dev libcli11-dev nlohmann-json3-dev libhdf5-dev
  libgtest-dev libgmock-dev
  zlib1g-dev libzstd-dev libmpfr-dev
  libopenblas0-pthread  # opened when a program needs it, never linked
)
python_packages=(python3 python3-dev python3-venv)
test_packages=(
  chromium clang-19 libclang-rt-19-dev clang-format-19 "${python_packages[@]}" python3-numpy hdf5-tools
)

say() { printf 'install_deps: %s\n' "$*" >&2; }

usage() { sed -n '2,8s/^# \{0,1\}//p' "$0"; }

packages=("${build_packages[@]}")
for argument in "$@"; do
  case "$argument" in
    --tests)
      packages+=("${test_packages[@]}")
      # Node may come from elsewhere, and then brings npm itself, which Debian's would fight with.
      command -v npm >/dev/null || packages+=(nodejs npm)
      ;;
    --python) packages+=("${python_packages[@]}") ;;
    -h | --help) usage; exit 0 ;;
    *) say "unknown option '$argument' (known: --python, --tests, --help)"; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null; then
  say "this script knows Debian only; install the equivalents of: ${packages[*]}"
  exit 1
fi

# One query for all. Names dpkg has never heard of go to its stderr, hence the set difference below.
installed=$(dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' "${packages[@]}" \
  2>/dev/null | sed -n 's/^installed //p') || true
missing=()
for package in "${packages[@]}"; do
  grep -qxF -- "$package" <<<"$installed" || missing+=("$package")
done

if [ ${#missing[@]} -eq 0 ]; then
  say "all ${#packages[@]} packages are installed"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    say "missing: ${missing[*]}"
    say "installing them needs root, or sudo"
    exit 1
  fi
  as_root=(sudo)
fi

say "installing ${missing[*]}"
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@" >&2
}
apt update
apt install --yes --no-install-recommends "${missing[@]}"
say "installed ${#missing[@]} packages"
