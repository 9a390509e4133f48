#include "cotangent/io/report_page.h"

namespace cotangent::io {

const char* const kReportPage = R"js(
const data = JSON.parse(document.getElementById("data").textContent);
const byId = id => document.getElementById(id);

function setTheme(dark) { document.documentElement.dataset.theme = dark ? "dark" : "light"; }
setTheme(matchMedia("(prefers-color-scheme: dark)").matches);

function fillTable(table, heads, rows) {
  const head = htmlElement("tr", {}, htmlElement("thead", {}, table));
  heads.forEach(text => htmlElement("th", {textContent: text}, head));
  const body = htmlElement("tbody", {}, table);
  for (const cells of rows) {
    const line = htmlElement("tr", {}, body);
    for (const cell of cells) {
      const place = htmlElement("td", {className: cell.className || ""}, line);
      if (cell.node) place.append(cell.node); else place.textContent = cell.text === undefined ?
          cell : cell.text;
    }
  }
}
const howBadge = how => ({node: htmlElement("span", {className: "how " + how, textContent: how})});

function fillText() {
  byId("title").textContent = data.title;
  byId("status").textContent = data.status;
  byId("status").classList.toggle("bad", !data.good);
  byId("warning").hidden = !data.warning;
  byId("warning").textContent = data.warning;
  for (const figure of data.figures) {
    htmlElement("dt", {textContent: figure.label}, byId("figures"));
    htmlElement("dd", {textContent: figure.value}, byId("figures"));
  }
  fillTable(byId("plan"), ["decision", "choice", "reason"], data.plan.map(d =>
    [{text: d.decision, className: "name"}, {text: d.choice, className: "number"}, d.reason]));
  fillTable(byId("facts"), ["fact", "value", "how", "why"], data.facts.map(f => {
    const why = htmlElement("div", {textContent: f.detail});
    if (f.derivation.length) {
      const fold = htmlElement("details", {}, why);
      htmlElement("summary", {textContent: "derivation"}, fold);
      const steps = htmlElement("ol", {}, fold);
      f.derivation.forEach(step => htmlElement("li", {textContent: step}, steps));
    }
    return [{text: f.name, className: "name"}, f.value, howBadge(f.how), {node: why}];
  }));
  fillTable(byId("invariant-table"), ["invariant", "known", "scale", "largest error", "relative"],
    data.invariants.map((v, k) => {
      const name = htmlElement("span", {});
      htmlElement("b", {textContent: "\u2014 ", style: "color:" + colour(k)}, name);
      name.append(v.name);
      return [{node: name, className: "name"}, howBadge(v.how),
        ...[v.scale, v.max_abs_error, v.max_rel_error].map(x => ({text: numberText(x),
            className: "number"}))];
    }));
  byId("invariants").hidden = data.invariants.length === 0;
  byId("invariant-note").textContent = [...new Set(data.invariants.map(v => v.note))].join("; ") +
    "; an error of exactly zero lies on the lower edge.";
  const longest = Math.max(...data.timings.map(x => Number(x.value)), 1e-12);
  for (const timing of data.timings) {
    htmlElement("span", {textContent: timing.label}, byId("timings"));
    htmlElement("b", {}, htmlElement("span", {}, byId("timings"))).style.width =
      100 * Number(timing.value) / longest + "%";
    const s = Number(timing.value);
    htmlElement("span", {textContent: s < 1e-3 ? (s * 1e6).toFixed(0) + " \u00b5s"
      : s < 1 ? (s * 1e3).toPrecision(3) + " ms" : s.toPrecision(4) + " s"}, byId("timings"));
  }
  byId("system").textContent = data.system;
  byId("system-card").hidden = !data.system;
  const footer = byId("footer");
  footer.append("Written by " + data.version + ". State hash ");
  htmlElement("span", {className: "hash", textContent: data.state_hash}, footer);
  footer.append(". This page needs no network; the full data is in the files beside it.");
}

const charts = [];
function makeCharts() {
  if (data.invariants.length) {
    const curves = data.invariants.map(v => ({name: v.name, t: v.t, value: v.error}));
    charts.push(() => drawChart(byId("invariant-chart"), curves, {log: true, height: 250}));
  }
  for (const observable of data.observables) {
    const card = htmlElement("section", {className: "card observable"}, byId("observables"));
    htmlElement("h2", {textContent: observable.name}, card);
    const host = htmlElement("div", {className: "chart"}, card);
    htmlElement("p", {className: "note", textContent: observable.note}, card);
    charts.push(() => drawChart(host, observable.curves, {height: 190}));
  }
  byId("observables").hidden = data.observables.length === 0;
  charts.forEach(draw => draw());
}

function makeView() {
  const trajectory = data.trajectory, canvas = byId("view");
  if (!trajectory) {
    byId("view-card").textContent = "No trajectory was recorded.";
    byId("view-card").style.padding = "16px";
    return null;
  }
  const {shape, q, t} = trajectory;
  const particles = shape.length === 2 && shape[1] > 1;
  let view, bodies = 1;
  if (particles) {
    bodies = shape[0];
    const d = shape[1];
    const names = Array.from({length: bodies}, (_, n) => bodies > 1 ? String(n) : "");
    view = makeOrbitView(canvas, t, bodies,
      (k, n) => [q[k][n * d], q[k][n * d + 1], d > 2 ? q[k][n * d + 2] : 0], names, d === 2 &&
          ["x", "y"]);
  } else if (trajectory.p) {
    view = makeOrbitView(canvas, t, 1, (k) => [q[k][0], trajectory.p[k][0], 0], [""], ["q", "p"]);
  } else if (q[0].length <= 3) {
    const n = q[0].length;
    view = makeOrbitView(canvas, t, 1, (k) => [q[k][0], q[k][1] || 0, q[k][2] || 0], [""],
      n === 2 && ["q[0]", "q[1]"]);
  } else {
    view = makeMapView(canvas, t, q[0].length, q);
  }
  const slider = byId("time");
  slider.max = t.length - 1;
  const show = k => {
    slider.value = k;
    byId("clock").textContent = "t = " + numberText(t[k]);
    view.show(k);
  };
  slider.oninput = () => show(Number(slider.value));
  show(t.length - 1);
  const centre = byId("centre");
  htmlElement("option", {value: "-1", textContent: "fixed view"}, centre);
  for (let n = 0; n < Math.min(bodies, 64); ++n) {
    htmlElement("option", {value: String(n), textContent: "follow body " + n}, centre);
  }
  centre.hidden = bodies < 2;
  centre.onchange = () => view.follow(Number(centre.value));
  byId("reset").onclick = () => view.reset();
  let playing = false, started = 0, from = 0;
  const seconds = 20;
  function frame(now) {
    if (!playing) return;
    const k = Math.min(t.length - 1, from +
        Math.floor((now - started) / 1000 / seconds * t.length));
    show(k);
    if (k === t.length - 1) { playing = false; byId("play").textContent = "Play"; return; }
    requestAnimationFrame(frame);
  }
  byId("play").onclick = () => {
    playing = !playing;
    byId("play").textContent = playing ? "Pause" : "Play";
    if (!playing) return;
    from = Number(slider.value) >= t.length - 1 ? 0 : Number(slider.value);
    started = performance.now();
    requestAnimationFrame(frame);
  };
  byId("view-note").textContent = "Drag turns, shift-drag moves, wheel zooms. " + trajectory.note +
    ", joined by smooth curves.";
  if (canvas.classList.contains("map")) {
    byId("view-note").textContent = "Site across, time downwards, colour is q. " +
        trajectory.note + ".";
  }
  return view;
}

fillText();
const view = makeView();
makeCharts();
const redraw = () => { charts.forEach(draw => draw()); if (view) view.draw(); };
byId("theme").onclick = () => { setTheme(document.documentElement.dataset.theme !== "dark");
    redraw(); };
let pending = 0;
addEventListener("resize", () => { clearTimeout(pending); pending = setTimeout(redraw, 80); });
)js";

}  // namespace cotangent::io
