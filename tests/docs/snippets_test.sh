#!/usr/bin/env bash
# Every sh, toml and json block of the README and of docs/ runs, and prints what the page says.
set -euo pipefail
: "${COTANGENT:?}" "${COTANGENT_SOURCE_DIR:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/here"
ln -s "$COTANGENT" "$work/bin/cotangent"
ln -s "$COTANGENT_SOURCE_DIR/examples" "$work/here/examples"
printf '#!/usr/bin/env bash\nexec cotangent run "$@"\n' >"$work/here/run"
chmod +x "$work/here/run"
python3 "$COTANGENT_SOURCE_DIR/tests/docs/snippets.py" links
PATH="$work/bin:$PATH" python3 "$COTANGENT_SOURCE_DIR/tests/docs/snippets.py" run "$work/here"
