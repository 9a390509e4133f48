#include "cotangent/io/report_page.h"

namespace cotangent::io {

const char* const kReportStyle = R"css(
:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #ffffff; --ink: #16191f; --soft: #5b6472; --line: #dfe3e8;
  --accent: #2f5fd0; --good: #1c7c4a; --bad: #b3261e; --canvas: #fbfcfd; --grid: #e3e7ec;
  --c0: #2f5fd0; --c1: #d9761a; --c2: #23875a; --c3: #b5389c; --c4: #0f8ea8; --c5: #8a5cd8;
  --c6: #c23b3b; --c7: #7a7f14; --c8: #5c6b80; --c9: #a4552b;
}
[data-theme="dark"] {
  --paper: #0e1116; --card: #161b22; --ink: #e8ecf2; --soft: #97a1b0; --line: #2a313c;
  --accent: #7aa2ff; --good: #5fd39b; --bad: #ff8a80; --canvas: #0b0e13; --grid: #202733;
  --c0: #7aa2ff; --c1: #ffb057; --c2: #5fd39b; --c3: #f08be0; --c4: #56d0e6; --c5: #bd9cff;
  --c6: #ff8a80; --c7: #d3d85a; --c8: #a7b4c8; --c9: #e29a70;
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 20px 48px; }
header { display: flex; align-items: baseline; gap: 14px; flex-wrap: wrap; margin-bottom: 16px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 16px; margin: 0 0 10px; }
.badge { font-size: 12px; padding: 2px 10px; border-radius: 99px; border: 1px solid currentColor;
  color: var(--good); }
.badge.bad { color: var(--bad); }
.space { flex: 1; }
button, select { font: inherit; font-size: 13px; color: var(--ink); background: var(--card);
  border: 1px solid var(--line); border-radius: 7px; padding: 4px 10px; cursor: pointer; }
button:hover, select:hover { border-color: var(--accent); }
button:focus-visible, canvas:focus-visible, select:focus-visible, summary:focus-visible {
  outline: 2px solid var(--accent); outline-offset: 2px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 16px; margin-bottom: 16px; min-width: 0; }
.hero { display: grid; grid-template-columns: minmax(0, 1fr) 290px; gap: 16px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); gap: 16px; }
.pair .card { margin: 0; }
.pair { margin-bottom: 16px; }
@media (max-width: 860px) { .hero { grid-template-columns: 1fr; } }
#view-card { padding: 0; overflow: hidden; display: flex; flex-direction: column; }
#view { display: block; width: 100%; height: 470px; flex: 1 0 470px; background: var(--canvas);
  cursor: grab;
  touch-action: none; }
#view:active { cursor: grabbing; }
#view.map { cursor: crosshair; }
.controls { display: flex; align-items: center; gap: 10px; padding: 10px 14px;
  border-top: 1px solid var(--line); flex-wrap: wrap; }
.controls input[type=range] { flex: 1; min-width: 120px; accent-color: var(--accent); }
.controls output { font-variant-numeric: tabular-nums; min-width: 110px; text-align: right; }
.note { color: var(--soft); font-size: 12.5px; margin: 8px 0 0; }
#view-note { padding: 0 14px 10px; margin: 0; }
dl { margin: 0; display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 5px 14px; }
dt { color: var(--soft); }
dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
.scroll { overflow-x: auto; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: 12.5px; }
th, td { padding: 6px 10px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
td.name { white-space: nowrap; font-weight: 500; }
.how { font-size: 12px; padding: 1px 8px; border-radius: 99px; background: var(--paper);
  color: var(--soft); white-space: nowrap; }
.how.proved { color: var(--good); }
details summary { cursor: pointer; color: var(--soft); font-size: 13px; }
details ol { margin: 6px 0; padding-left: 22px; color: var(--soft); font-size: 13px; }
pre { overflow-x: auto; background: var(--paper); padding: 12px; border-radius: 8px;
  font-size: 13px; }
code, pre, .hash { font-family: ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; }
.warning { border-color: var(--bad); color: var(--bad); white-space: pre-wrap; }
.chart { position: relative; }
.chart svg { display: block; width: 100%; overflow: visible; }
.chart text { fill: var(--soft); font-size: 11.5px; font-variant-numeric: tabular-nums; }
.chart .grid { stroke: var(--grid); stroke-width: 1; }
.chart .axis { stroke: var(--line); }
.chart path { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.chart .cross { stroke: var(--soft); stroke-dasharray: 3 3; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 14px; font-size: 13px; margin-bottom: 4px; }
.legend i { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px;
  vertical-align: middle; }
.tip { position: absolute; pointer-events: none; background: var(--card);
  border: 1px solid var(--line);
  border-radius: 7px; padding: 5px 9px; font-size: 12.5px; white-space: nowrap; top: 0;
  box-shadow: 0 4px 14px rgba(0, 0, 0, 0.14); font-variant-numeric: tabular-nums; display: none;
    z-index: 2; }
.bars { display: grid; grid-template-columns: auto 1fr auto; gap: 7px 12px; align-items: center; }
.bars span:nth-child(3n+1) { color: var(--soft); }
.bars b { display: block; height: 9px; border-radius: 5px; background: var(--accent);
  min-width: 2px; }
.bars span:nth-child(3n) { text-align: right; font-variant-numeric: tabular-nums; }
footer { color: var(--soft); font-size: 12.5px; }
@media print { button, .controls { display: none; } .card { break-inside: avoid; } }
)css";

const char* const kReportBody = R"html(<body>
<main>
<header><h1 id="title"></h1><span class="badge" id="status"></span><span class="space"></span>
<button id="theme" type="button" aria-label="light or dark">Light / dark</button></header>
<section class="card warning" id="warning" hidden></section>
<div class="hero">
<section class="card" id="view-card" aria-label="Trajectory">
<canvas id="view" tabindex="0" aria-label="Trajectory; drag to turn, wheel to zoom"></canvas>
<div class="controls" id="controls">
<button id="play" type="button">Play</button>
<input id="time" type="range" min="0" value="0" step="1" aria-label="time">
<output id="clock"></output>
<select id="centre" aria-label="what the view follows"></select>
<button id="reset" type="button">Reset view</button></div>
<p class="note" id="view-note"></p>
</section>
<section class="card"><h2>The run</h2><dl id="figures"></dl></section>
</div>
<section class="card" id="invariants"><h2>Invariants: relative error against time</h2>
<div class="chart" id="invariant-chart"></div>
<div class="scroll"><table id="invariant-table"></table></div>
<p class="note" id="invariant-note"></p></section>
<div class="pair" id="observables"></div>
<section class="card"><h2>Plan: what was chosen, and why</h2>
<div class="scroll"><table id="plan"></table></div></section>
<section class="card"><h2>Facts: what is known about the system</h2>
<div class="scroll"><table id="facts"></table></div></section>
<section class="card"><h2>Timings</h2><div class="bars" id="timings"></div></section>
<section class="card" id="system-card"><details><summary>The system file</summary>
<pre id="system"></pre></details></section>
<footer id="footer"></footer>
</main>
)html";

}  // namespace cotangent::io
