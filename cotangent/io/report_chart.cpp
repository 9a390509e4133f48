#include "cotangent/io/report_page.h"

namespace cotangent::io {

const char* const kReportChart = R"js(
const colour = k => "var(--c" + (k % 10) + ")";
const svgElement = (name, attributes, parent) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (parent) parent.appendChild(element);
  return element;
};
const htmlElement = (name, properties, parent) => {
  const element = Object.assign(document.createElement(name), properties);
  if (parent) parent.appendChild(element);
  return element;
};
const numberText = x => {
  if (x === null || !isFinite(x)) return "not finite";
  const size = Math.abs(x);
  if (x === 0) return "0";
  if (size >= 1e6 || size < 1e-3) return x.toExponential(2).replace("e+", "e");
  return String(Number(x.toPrecision(6)));
};

// Round values that divide [low, high] into about `count` parts.
function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = Math.pow(10, Math.floor(Math.log10(rough)));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= rough) || rough;
  const values = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9;
      ++k) values.push(k * step);
  return values;
}

// curves: [{name, t, value}]; options: log, height.
function drawChart(host, curves, options) {
  const width = Math.max(host.clientWidth, 280), height = options.height;
  const left = 62, right = 14, top = 10, bottom = 26;
  host.textContent = "";
  if (curves.length > 1) {
    const legend = htmlElement("div", {className: "legend"}, host);
    curves.forEach((curve, k) => {
      const item = htmlElement("span", {}, legend);
      htmlElement("i", {}, item).style.background = colour(k);
      item.append(curve.name);
    });
  }
  const svg = svgElement("svg", {viewBox: `0 0 ${width} ${height}`, height, role: "img"}, host);
  let t0 = Infinity, t1 = -Infinity, low = Infinity, high = -Infinity;
  for (const curve of curves) for (let k = 0; k < curve.t.length; ++k) {
    const value = curve.value[k];
    t0 = Math.min(t0, curve.t[k]); t1 = Math.max(t1, curve.t[k]);
    if (value === null || (options.log && value <= 0)) continue;
    low = Math.min(low, value); high = Math.max(high, value);
  }
  if (!(t0 <= t1)) { svgElement("text", {x: left, y: 40}, svg).textContent = "no samples"; return; }
  if (!(low <= high)) { low = options.log ? 1e-17 : -1; high = options.log ? 1e-15 : 1; }
  if (t0 === t1) t1 = t0 + 1;
  const scaled = options.log ? Math.log10 : x => x;
  let bottomValue = scaled(low), topValue = scaled(high);
  if (options.log) { bottomValue = Math.floor(bottomValue - 0.2); topValue = Math.ceil(topValue +
      0.05); }
  else {
    const margin = (topValue - bottomValue) * 0.06 || Math.abs(topValue) * 0.1 || 1;
    bottomValue -= margin; topValue += margin;
  }
  const x = t => left + (t - t0) / (t1 - t0) * (width - left - right);
  const y = v => {
    const s = v === null ? NaN : options.log && v <= 0 ? bottomValue : scaled(v);
    return top + (topValue - s) / (topValue - bottomValue) * (height - top - bottom);
  };
  const fromScaled = s => top + (topValue - s) / (topValue - bottomValue) * (height - top - bottom);
  let marks = ticks(bottomValue, topValue, height / 34);
  if (options.log) {  // every decade, or every second, third, ... of them
    const step = Math.ceil((topValue - bottomValue) / 7);
    marks = [];
    for (let k = Math.ceil(bottomValue / step); k * step <= topValue; ++k) marks.push(k * step);
  }
  for (const mark of marks) {
    svgElement("line", {class: "grid", x1: left, x2: width - right, y1: fromScaled(mark),
        y2: fromScaled(mark)}, svg);
    svgElement("text", {x: left - 8, y: fromScaled(mark) + 4, "text-anchor": "end"},
        svg).textContent =
      options.log ? "1e" + mark : numberText(mark);
  }
  for (const mark of ticks(t0, t1, width / 130)) {
    svgElement("text", {x: x(mark), y: height - 6, "text-anchor": "middle"},
        svg).textContent = numberText(mark);
  }
  svgElement("line", {class: "axis", x1: left, x2: width - right, y1: height - bottom,
      y2: height - bottom}, svg);
  curves.forEach((curve, k) => {
    let path = "", pen = false;
    for (let n = 0; n < curve.t.length; ++n) {
      const py = y(curve.value[n]);
      if (!isFinite(py)) { pen = false; continue; }
      path += (pen ? "L" : "M") + x(curve.t[n]).toFixed(1) + " " + py.toFixed(1);
      pen = true;
    }
    svgElement("path", {d: path, style: "stroke:" + colour(k)}, svg);
  });
  const cross = svgElement("line", {class: "cross", y1: top, y2: height - bottom,
      visibility: "hidden"}, svg);
  const tip = htmlElement("div", {className: "tip"}, host);
  svg.onpointermove = event => {
    const box = svg.getBoundingClientRect();
    const across = (event.clientX - box.left) * width / box.width - left;
    const t = t0 + across / (width - left - right) * (t1 - t0);
    const lines = [];
    let shown = t0;
    curves.forEach(curve => {
      let a = 0, b = curve.t.length - 1;
      while (b - a > 1) { const m = (a + b) >> 1; if (curve.t[m] <= t) a = m; else b = m; }
      const n = Math.abs(curve.t[b] - t) < Math.abs(curve.t[a] - t) ? b : a;
      shown = curve.t[n];
      lines.push((curves.length > 1 ? curve.name + ": " : "") + numberText(curve.value[n]));
    });
    cross.setAttribute("x1", x(shown)); cross.setAttribute("x2", x(shown));
    cross.setAttribute("visibility", "visible");
    tip.textContent = "";
    ["t = " + numberText(shown), ...lines].forEach(line => htmlElement("div",
        {textContent: line}, tip));
    tip.style.display = "block";
    const place = x(shown) * box.width / width;
    tip.style.left = (place > box.width / 2 ? place - tip.offsetWidth - 12 : place + 12) + "px";
  };
  svg.onpointerleave = () => { cross.setAttribute("visibility", "hidden");
      tip.style.display = "none"; };
}
)js";

}  // namespace cotangent::io
