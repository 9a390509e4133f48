#!/usr/bin/env bash
# Opens report.html in headless Chromium, offline: no error, every part is there, the picture is
# not blank, and the mouse, the slider and the theme button change it.
# labels: browser
set -euo pipefail
: "${COTANGENT:?}" "${COTANGENT_SOURCE_DIR:?}"
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
  echo "Chromium is not installed; scripts/install_deps.sh --tests installs it" >&2
  exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/probe.py" <<'EOF'
"""probe.py REPORT OUT: a copy of the report that looks at itself and writes down what it finds."""
import sys
page = open(sys.argv[1], encoding="utf-8").read()
catcher = """<script>
const found = {errors: []};
addEventListener("error", e => found.errors.push(String(e.message)));
addEventListener("unhandledrejection", e => found.errors.push(String(e.reason)));
addEventListener("securitypolicyviolation", e => found.errors.push("blocked " + e.blockedURI));
for (const kind of ["error", "warn"]) console[kind] = (...words) => found.errors.push(words.join(" "));
</script></head>"""
probe = """<script>
(() => {
  const canvas = document.getElementById("view");
  const pixels = () => {
    const d = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const colours = new Set();
    let sum = 0;
    for (let k = 0; k < d.length; k += 4) {
      colours.add(d[k] + 256 * d[k + 1] + 65536 * d[k + 2] + 16777216 * d[k + 3]);
      sum = (sum * 31 + d[k] * 3 + d[k + 1] * 5 + d[k + 2] * 7 + d[k + 3]) % 1000000007;
    }
    return {colours: colours.size, sum};
  };
  try {
    found.map = canvas.classList.contains("map");
    const before = pixels();
    found.colours = before.colours;
    const box = canvas.getBoundingClientRect();
    const at = (type, x, y, more) => canvas.dispatchEvent(new (type === "wheel" ? WheelEvent : PointerEvent)(type,
      {clientX: box.left + x, clientY: box.top + y, pointerId: 1, bubbles: true, cancelable: true, ...more}));
    canvas.setPointerCapture = () => {};
    at("pointerdown", 200, 200); at("pointermove", 260, 220); at("pointerup", 260, 220);
    const turned = pixels();
    found.drag = turned.sum !== before.sum;
    at("wheel", 200, 200, {deltaY: -300});
    found.zoom = pixels().sum !== turned.sum;
    document.getElementById("reset").click();
    found.reset = pixels().sum === before.sum;
    const slider = document.getElementById("time");
    slider.value = Math.floor(slider.max / 3);
    slider.oninput();
    found.slider = pixels().sum !== before.sum;
    const paper = () => getComputedStyle(document.body).backgroundColor;
    const light = paper();
    document.getElementById("theme").click();
    found.theme = paper() !== light;
    found.curves = [...document.querySelectorAll("#invariant-chart path")].map(p => p.getAttribute("d").length);
    found.marks = document.querySelectorAll("#invariant-chart line.grid").length;
    found.observables = document.querySelectorAll(".observable path").length;
    for (const id of ["facts", "plan", "invariant-table"]) found[id] = document.querySelectorAll("#" + id + " tbody tr").length;
    found.timings = document.querySelectorAll("#timings b").length;
    found.title = document.querySelector("h1").textContent;
    found.status = document.getElementById("status").textContent;
    found.system = document.getElementById("system").textContent.length;
    found.scroll = document.documentElement.scrollWidth <= innerWidth;
  } catch (error) { found.errors.push("probe: " + error.stack); }
  const out = document.createElement("script");
  out.type = "application/json"; out.id = "found"; out.textContent = JSON.stringify(found);
  document.body.appendChild(out);
})();
</script></body>"""
assert page.count("</head>") == 1 and page.count("</body>") == 1
page = page.replace("</head>", catcher).replace("</body>", probe)
open(sys.argv[2], "w", encoding="utf-8").write(page)
EOF

cat >"$work/judge.py" <<'EOF'
"""judge.py DOM TITLE KIND OBSERVABLES: fails with a list of what is not as it should be."""
import json, re, sys
dom = open(sys.argv[1], encoding="utf-8").read()
title, kind, observables = sys.argv[2], sys.argv[3], int(sys.argv[4])
match = re.search(r'<script type="application/json" id="found">(.*?)</script>', dom, re.S)
if not match:
    sys.exit("the page's script did not get to its end")
found = json.loads(match.group(1))
wrong = []
def want(name, good):
    if not good:
        wrong.append(f"{name}: {found.get(name)!r}")
want("errors", found["errors"] == [])
want("title", found["title"] == title)
want("status", found["status"] == "finished")
want("colours", found["colours"] >= 20)
want("map", found["map"] == (kind == "map"))
for name in ["slider", "theme", "scroll"] + ([] if kind == "map" else ["drag", "zoom", "reset"]):
    want(name, found[name] is True)
want("curves", len(found["curves"]) >= 1 and all(n > 50 for n in found["curves"]))
want("marks", 3 <= found["marks"] <= 8)
want("observables", found["observables"] >= observables)
for name in ["facts", "plan"]:
    want(name, found[name] >= 3)
want("invariant-table", found["invariant-table"] >= 1)
want("timings", found["timings"] >= 3)
want("system", found["system"] > 100)
if wrong:
    sys.exit(f"{title}: " + "; ".join(wrong))
print(f"{title}: ok ({found['colours']} colours)")
EOF

look() { # <example> <title> <orbit|map> <observables> [run arguments]
  local name=$1 title=$2 kind=$3 observables=$4
  shift 4
  "$COTANGENT" run "$COTANGENT_SOURCE_DIR/examples/$name.toml" --quiet --out "$work/$name" "$@" >/dev/null
  python3 "$work/probe.py" "$work/$name/report.html" "$work/$name.html"
  timeout 120 "$browser" --headless --no-sandbox --disable-gpu --window-size=1240,1600 \
    --user-data-dir="$work/profile" --host-resolver-rules="MAP * ~NOTFOUND" \
    --virtual-time-budget=4000 --dump-dom "file://$work/$name.html" \
    >"$work/$name.dom" 2>"$work/$name.log" || { cat "$work/$name.log" >&2; exit 1; }
  python3 "$work/judge.py" "$work/$name.dom" "$title" "$kind" "$observables"
}

look outer_solar_system "Outer solar system" orbit 2
look kepler "Kepler, e = 0.6" orbit 3
look coupled_pendulums "Coupled pendulums" orbit 4
look fput_chain "FPUT chain, 128 sites" map 4 --set run.t_end=20000 --set observe.every=200

# A screenshot has something on it.
timeout 120 "$browser" --headless --no-sandbox --disable-gpu --window-size=1240,900 \
  --user-data-dir="$work/profile" --screenshot="$work/shot.png" \
  "file://$work/outer_solar_system/report.html" >/dev/null 2>&1
size=$(stat -c %s "$work/shot.png")
[ "$size" -gt 40000 ] || { echo "the screenshot is nearly empty: $size bytes" >&2; exit 1; }
