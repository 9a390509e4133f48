#!/usr/bin/env bash
# docs/gallery.md and the gallery in the README are as their tool writes them from the index of the
# examples, and every example has a picture that is not too large. The check does say no.
set -euo pipefail
: "${COTANGENT_SOURCE_DIR:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$COTANGENT_SOURCE_DIR/tools/gallery.py" check

mkdir "$work/docs" "$work/tools"
cp -r "$COTANGENT_SOURCE_DIR/examples" "$COTANGENT_SOURCE_DIR/README.md" "$work"
cp -r "$COTANGENT_SOURCE_DIR/docs/images" "$COTANGENT_SOURCE_DIR/docs/gallery.md" "$work/docs"
cp "$COTANGENT_SOURCE_DIR/tools/gallery.py" "$work/tools"
sed -i 's/An orbit/No orbit/; s/Kepler/Keppler/' "$work/examples/gallery/index.toml"
rm "$work/docs/images/gallery/lorenz.png"
head -c 30000 /dev/urandom >"$work/docs/images/gallery/kapitza.png"
cp "$work/docs/images/gallery/foucault.png" "$work/docs/images/gallery/nothing.png"
said=$(python3 "$work/tools/gallery.py" check) && exit 1
for complaint in 'docs/gallery.md is not' 'README.md is not' 'lorenz.png is not there' \
  'kapitza.png has 30000 bytes' 'nothing.png is of no example'; do
  grep -q "$complaint" <<<"$said" || { echo "not said: $complaint"; exit 1; }
done
