#!/usr/bin/env bash
# Every sh, toml and json block of the README and of docs/ runs, and prints what the page says. Every
# block is of a kind that some test runs, or says why it is not.
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
python3 "$COTANGENT_SOURCE_DIR/tests/docs/snippets.py" kinds

# Pages that are refused: a block of no kind, one without a reason, code without a fence.
mkdir -p "$work/bad/docs"
refused() {
  printf "$1" >"$work/bad/README.md"
  if COTANGENT_SOURCE_DIR=$work/bad python3 "$COTANGENT_SOURCE_DIR/tests/docs/snippets.py" kinds 2>/dev/null; then
    echo "this page should be refused:" && cat "$work/bad/README.md" && exit 1
  fi
}
refused '```\nx\n```\n'
refused '```python not run:\nx\n```\n'
refused '```text\nof nothing\n```\n'
refused '```rust\nx\n```\n'
refused 'Words.\n\n    code()\n'

PATH="$work/bin:$PATH" python3 "$COTANGENT_SOURCE_DIR/tests/docs/snippets.py" run "$work/here"
