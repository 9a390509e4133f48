#!/usr/bin/env bash
# The Python package: a wheel is built and installed into a fresh virtual environment, where the tests
# of python/tests, mypy (strict, and its stubtest) and every python and sh block of the README and of
# docs/ run, and the examples, and from which the site of the documentation is built. What these need is
# installed once, into build/python-tools (python/tests/requirements.txt) and build/site-tools
# (tools/site/requirements.txt).
# labels: slow
set -euo pipefail
: "${COTANGENT_BUILD_DIR:?}" "${COTANGENT_SOURCE_DIR:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$COTANGENT_SOURCE_DIR"
. scripts/common.sh
ensure_python_tools
tools=$python_tools

"$tools/bin/pip" wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
  "$COTANGENT_SOURCE_DIR" -w "$work"

# Fresh: the wheel, and by a path what it and the tests depend on.
"$tools/bin/python" -m venv --without-pip "$work/fresh"
python=$work/fresh/bin/python
site() { "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
echo "$(site "$tools/bin/python")" >"$(site "$python")/tools.pth"
"$tools/bin/pip" --python "$python" install --quiet --disable-pip-version-check --no-deps \
  "$work"/cotangent-*.whl

export MPLBACKEND=Agg PYTHONDONTWRITEBYTECODE=1
cd "$work"
cp -r "$COTANGENT_SOURCE_DIR/python/tests" "$work/tests"
"$python" -m pytest -q -p no:cacheprovider "$work/tests" ${COTANGENT_PYTEST_ARGUMENTS:-}
"$python" -m mypy --strict --cache-dir "$work/mypy" -p cotangent
# What stubtest says of every class and function that nanobind makes is no difference of types.
nanobind_objects='is not a function$|but runtime is not$|metaclass differs$|does not have \*args parameter "args"$'
if "$python" -m mypy.stubtest cotangent --concise --ignore-disjoint-bases 2>&1 |
  grep -vE "^cotangent\._core\..*($nanobind_objects)"; then
  exit 1
fi

# The examples that the wheel brings: those in Python, by its own command line, and a picture of a system
# file; all of them strictly typed.
examples=$work/fresh/share/cotangent/examples
"$python" -m cotangent examples list >"$work/list"
[ "$(awk '$2 == "Python"' "$work/list" | wc -l)" -ge 8 ]
while read -r name; do
  "$python" -m cotangent examples run "$name" >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
done < <(awk '$2 == "Python" {print $1}' "$work/list")
"$python" -m cotangent examples run cat_map --picture "$work/cat.png" >/dev/null
"$python" -m cotangent examples run kepler --quiet --picture "$work/kepler.png" >"$work/said"
grep -q "$examples/kepler.toml" "$work/said"
for picture in cat kepler; do [ "$(head -c 4 "$work/$picture.png" | tail -c 3)" = PNG ]; done
(cd "$examples" && "$python" -m mypy --strict --cache-dir "$work/mypy" ./*.py gallery/*.py)

for folder in "$work/python" "$work/shell"; do
  mkdir "$folder"
  ln -s "$COTANGENT_SOURCE_DIR/examples" "$folder/examples"
done
printf '#!/usr/bin/env bash\nexec cotangent run "$@"\n' >"$work/shell/run"
chmod +x "$work/shell/run"
snippets() {
  PATH="$work/fresh/bin:$PATH" "$python" "$COTANGENT_SOURCE_DIR/tests/docs/snippets.py" "$@"
}
snippets python "$work/python"
snippets run "$work/shell" sh

# The site: a broken link, a name without a docstring, or anything fetched from elsewhere fails.
COTANGENT_PYTHON=$python COTANGENT_SITE_DIR=$work/site "$COTANGENT_SOURCE_DIR/scripts/build_site"
shows() { # <page> <text>...
  local page=$work/site/$1 text
  shift
  for text in "$@"; do
    grep -qF -- "$text" "$page" || { echo "$page does not show '$text'" >&2; exit 1; }
  done
}
shows reference/python/flows.html 'ct.compile' 'accuracy' 'Proves what it can about a system'
shows reference/python/functions.html 'ct.atan2' 'The angle in [-pi, pi]'
shows reference/cpp/runs.html 'A compiled plan: start, chunk, run with observers.' 'RunResult'
shows reference/command_line.html 'the processor to make code for'
# Its search works from a file.
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
timeout 120 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/browser" \
  --virtual-time-budget=20000 --dump-dom "file://$work/site/tutorial.html?q=lyapunov" \
  >"$work/found.html" 2>/dev/null
grep -qE '[0-9]+ matching documents' "$work/found.html" ||
  { echo "the site's search finds nothing" >&2; exit 1; }
