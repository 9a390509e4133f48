#!/usr/bin/env bash
# The rules about files that no compiler checks:
#   1. a module includes only itself and modules above it (cmake/module_order.txt);
#   2. no public header mentions a dependency;
#   3. no source file is longer than 900 lines;
#   4. no text names the host of a package registry: which one is used is the machine's business.
# With an argument, checks that folder instead of the repository.
set -euo pipefail
cd "${1:-${COTANGENT_SOURCE_DIR:-$(dirname "${BASH_SOURCE[0]}")/../..}}"

failures=0
fail() { # <rule> <offending lines>
  [ -z "$2" ] && return 0
  printf '%s:\n%s\n\n' "$1" "$2"
  failures=$((failures + 1))
}

# All files that are, or are about to be, committed.
list_files() {
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard
  else
    find . \( -name .git -o -path ./build -o -path ./out \) -prune -o -type f -print |
      sed 's,^\./,,'
  fi | sort -u | while IFS= read -r file; do [ -f "$file" ] && printf '%s\n' "$file"; done
}
files=$(list_files)
sources=$(grep -E '^cotangent/.*\.(h|cpp|def|inl)$' <<<"$files" || true)
# xargs would run its command once for no input at all.
over() { [ -z "$1" ] || tr '\n' '\0' <<<"$1" | sed -z '/^$/d' | xargs -0 "${@:2}"; }

# 1. The order of modules.
unknown=$(sed -nE 's,^cotangent/([^/]+)/.*,\1,p' <<<"$sources" | sort -u |
  grep -vxFf <(grep '^[a-z]' cmake/module_order.txt) || true)
fail "a folder of cotangent/ that cmake/module_order.txt does not list" "$unknown"
wrong=$(over "$sources" grep -nHE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]cotangent/' |
  awk '
    FILENAME != "-" { if ($0 ~ /^[a-z]/) rank[$1] = ++count; next }
    {
      split($0, part, ":"); split(part[1], path, "/")
      if (path[3] == "") next                      # cotangent/cotangent.h, the umbrella
      match($0, /["<]cotangent\/[^">]+/)
      used = substr($0, RSTART + 11, RLENGTH - 11)
      if (used !~ /\//) {
        if (path[2] != "apps") print $0 "   <- " path[2] " may not include the umbrella"
        next
      }
      sub(/\/.*/, "", used)
      if (!(used in rank)) print $0 "   <- no such module"
      else if (rank[used] > rank[path[2]]) print $0 "   <- " used " is below " path[2]
    }' cmake/module_order.txt - || true)
fail "an include that does not point upwards" "$wrong"

# 2. Dependencies stay out of public headers.
headers=$(grep -E '\.(h|def|inl)$' <<<"$sources" |
  grep -vE '^cotangent/backend/cpu/llvm[^/]*$' || true)
exposed=$(over "$headers" grep -nHE \
  '#[[:space:]]*include[[:space:]]*[<"](llvm(-c)?/|hdf5|H5|toml\+\+|nlohmann|CLI/|zlib)|\b(llvm|toml|nlohmann|CLI|H5)::|namespace (llvm|toml|nlohmann|CLI)\b|\bhid_t\b' || true)
fail "a public header that mentions a dependency" "$exposed"
# LLVM only where CMake offers it, so that a machine where it lies in /usr/include says the same.
users=$(grep -vE '^cotangent/backend/cpu/llvm[^/]*$' <<<"$sources" || true)
stray=$(over "$users" grep -nHE '#[[:space:]]*include[[:space:]]*[<"]llvm(-c)?/' || true)
fail "LLVM outside cotangent/backend/cpu/llvm*" "$stray"

# 3. Length.
texts=$(grep -E '\.(h|cpp|def|inl|cmake|sh|py|js|mjs|md|toml)$|(^|/)(CMakeLists.txt|run|test)$' \
  <<<"$files" || true)
long=$(over "$texts" awk '
  FNR == 1 && NR > 1 && lines > 900 { print name ": " lines " lines" }
  { name = FILENAME; lines = FNR }
  END { if (lines > 900) print name ": " lines " lines" }')
fail "a file longer than 900 lines" "$long"

# 4. Registry hosts, spelled here in two parts so that this file does not name one.
hosts=""
for pair in 'pypi org' 'pythonhosted org' 'npmjs org' 'npmjs com' 'yarnpkg com' 'crates io' \
  'deb debian org' 'security debian org' 'ghcr io' 'docker io' 'anaconda org'; do
  hosts+="${hosts:+|}${pair// /[.]}"
done
named=$(over "$files" grep -nHIE "(^|[^A-Za-z0-9_-])([A-Za-z0-9-]+[.])*($hosts)([^A-Za-z0-9_]|\$)" ||
  true)
fail "a text that names the host of a package registry" "$named"

if [ "$failures" -gt 0 ]; then
  echo "$failures rule(s) broken"
  exit 1
fi
echo "$(wc -l <<<"$files") files follow the rules"
