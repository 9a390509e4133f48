#include "cotangent/io/report_page.h"

namespace cotangent::io {

const char* const kReportView = R"js(
// The trajectory in 3D on a plain 2D canvas: rotation, perspective, then curves and discs.
// points(k, n) is body n at sample k as [x, y, z].
function makeOrbitView(canvas, times, bodies, points, labels, flat) {
  const state = {yaw: -0.6, pitch: 0.95, zoom: 1, pan: [0, 0], sample: times.length - 1,
      follow: -1};
  const samples = times.length;
  const many = bodies > 40;
  let styles = {};

  // The least and the greatest value, but for the outer half per cent: a few far wanderers do not
  // decide the size.
  function extent(values) {
    const sorted = values.slice().sort((a, b) => a - b);
    const cut = Math.floor(sorted.length * 0.005);
    return [sorted[cut] || 0, sorted[sorted.length - 1 - cut] || 0];
  }

  // Centre and size of what moves, and a thinned cloud of it.
  let centre = [0, 0, 0], radius = 1, cloud = [];
  function measure() {
    const stride = Math.max(1, Math.floor(samples * bodies / 20000));
    cloud = [];
    for (let k = 0; k < samples * bodies; k += stride) {
      const at = points(Math.floor(k / bodies), k % bodies);
      const origin = state.follow < 0 ? [0, 0, 0] : points(Math.floor(k / bodies), state.follow);
      if (at.every(isFinite)) cloud.push(at.map((v, axis) => v - origin[axis]));
    }
    const spans = [0, 1, 2].map(axis => extent(cloud.map(at => at[axis])));
    centre = state.follow < 0 ? spans.map(s => (s[0] + s[1]) / 2) : [0, 0, 0];
    radius = Math.max(...spans.map((s, axis) =>
      state.follow < 0 ? (s[1] - s[0]) / 2 : Math.max(Math.abs(s[0]), Math.abs(s[1])))) || 1;
    cloud = cloud.map(at => at.map((v, axis) => v - centre[axis]));
  }

  // Zoom and place so that the cloud fills the canvas.
  function fit() {
    const width = canvas.clientWidth, height = canvas.clientHeight;
    const project = projector(width, height);
    const screen = cloud.map(at => project(...at));
    const x = extent(screen.map(s => s[0])), y = extent(screen.map(s => s[1]));
    state.zoom = Math.min(0.88 * width / Math.max(x[1] - x[0], 1),
        0.84 * height / Math.max(y[1] - y[0], 1), 50);
    state.pan = [(width - x[0] - x[1]) / 2 * state.zoom, (height - y[0] - y[1]) / 2 * state.zoom];
  }

  function reset() {
    Object.assign(state, {yaw: flat ? 0 : -0.6, pitch: flat ? 0 : 0.95, zoom: 1, pan: [0, 0]});
    fit();
    draw();
  }

  function readStyles() {
    const css = getComputedStyle(document.documentElement);
    styles = {grid: css.getPropertyValue("--grid").trim(),
        soft: css.getPropertyValue("--soft").trim(),
      paper: css.getPropertyValue("--canvas").trim(), ink: css.getPropertyValue("--ink").trim(),
          colours: []};
    for (let k = 0; k < 10; ++k) styles.colours.push(css.getPropertyValue("--c" + k).trim());
  }

  // Camera: turn about z by yaw, about x by pitch; look along -z from `distance`.
  function projector(width, height) {
    const cy = Math.cos(state.yaw), sy = Math.sin(state.yaw);
    const cp = Math.cos(state.pitch), sp = Math.sin(state.pitch);
    const distance = 4.2, scale = Math.min(width, height) * 0.52 * state.zoom;
    return (x, y, z) => {
      const ux = x / radius, uy = y / radius, uz = z / radius;
      const a = cy * ux - sy * uy, b = sy * ux + cy * uy;
      const v = cp * b + sp * uz, w = -sp * b + cp * uz;
      const depth = Math.max(distance - w, 0.05);
      const f = distance / depth * scale;
      return [width / 2 + state.pan[0] + a * f, height / 2 + state.pan[1] - v * f, depth,
          distance / depth];
    };
  }

  function drawGrid(context, project) {
    const unit = Math.pow(10, Math.floor(Math.log10(radius)));
    const step = [0.2, 0.5, 1, 2].map(m => m * unit).find(s => radius / s <= 5) || unit * 2;
    const reach = Math.ceil(radius / step) * step;
    context.strokeStyle = styles.grid;
    context.lineWidth = 1;
    context.beginPath();
    for (let v = -reach; v <= reach + step / 2; v += step) {
      for (const [from, to] of [[[v, -reach], [v, reach]], [[-reach, v], [reach, v]]]) {
        const a = project(from[0], from[1], 0), b = project(to[0], to[1], 0);
        context.moveTo(a[0], a[1]); context.lineTo(b[0], b[1]);
      }
    }
    context.stroke();
    context.fillStyle = styles.soft;
    context.font = "11px system-ui, sans-serif";
    context.fillText("grid " + numberText(step), 12, 20);
  }

  // A smooth curve (Catmull-Rom) through projected samples first..last of one body.
  function trace(context, screen, first, last) {
    context.beginPath();
    context.moveTo(screen[first][0], screen[first][1]);
    for (let k = first; k < last; ++k) {
      const a = screen[Math.max(k - 1, 0)], b = screen[k], c = screen[k + 1];
      const d = screen[Math.min(k + 2, screen.length - 1)];
      context.bezierCurveTo(b[0] + (c[0] - a[0]) / 6, b[1] + (c[1] - a[1]) / 6,
        c[0] - (d[0] - b[0]) / 6, c[1] - (d[1] - b[1]) / 6, c[0], c[1]);
    }
    context.stroke();
  }

  function drawTrails(context, project) {
    const tail = Math.max(8, Math.floor(samples * 0.08));
    context.lineJoin = context.lineCap = "round";
    for (let n = 0; n < bodies; ++n) {
      const screen = [];
      for (let k = 0; k <= state.sample; ++k) screen.push(project(...relative(k, n)));
      context.strokeStyle = styles.colours[n % 10];
      const first = many ? Math.max(0, state.sample - tail) : 0;
      context.globalAlpha = bodies > 12 ? 0.2 : 0.38;
      context.lineWidth = 1.2;
      if (screen.length > 1) trace(context, screen, first, state.sample);
      if (many) continue;
      context.lineWidth = 2.2;
      for (let part = 0; part < 4; ++part) {
        const from = Math.max(0, state.sample - Math.floor(tail * (4 - part) / 4));
        const to = Math.max(0, state.sample - Math.floor(tail * (3 - part) / 4));
        context.globalAlpha = 0.25 + 0.25 * part;
        if (to > from) trace(context, screen, from, to);
      }
    }
    context.globalAlpha = 1;
  }

  function drawBodies(context, project) {
    const discs = [];
    for (let n = 0; n < bodies; ++n) discs.push([n, project(...relative(state.sample, n))]);
    discs.sort((a, b) => b[1][2] - a[1][2]);
    for (const [n, at] of discs) {
      const size = (many ? 2.2 : 5.5) * Math.min(Math.max(at[3], 0.5), 2);
      context.fillStyle = styles.colours[n % 10];
      context.strokeStyle = styles.paper;
      context.lineWidth = many ? 0.5 : 1.5;
      context.beginPath();
      context.arc(at[0], at[1], size, 0, 2 * Math.PI);
      context.fill(); context.stroke();
      if (many || !labels[n]) continue;
      context.fillStyle = styles.ink;
      context.font = "12px system-ui, sans-serif";
      context.fillText(labels[n], at[0] + size + 3, at[1] - size);
    }
  }

  function relative(k, n) {
    const at = points(k, n), origin = state.follow < 0 ? centre : points(k, state.follow);
    return [at[0] - origin[0], at[1] - origin[1], at[2] - origin[2]];
  }

  function drawAxes(context, height) {
    const cy = Math.cos(state.yaw), sy = Math.sin(state.yaw);
    const cp = Math.cos(state.pitch), sp = Math.sin(state.pitch);
    const x0 = 38, y0 = height - 38;
    context.strokeStyle = context.fillStyle = styles.soft;
    context.lineWidth = 1.4;
    context.font = "11px system-ui, sans-serif";
    (flat || ["x", "y", "z"]).forEach((name, axis) => {
      const unit = [0, 0, 0];
      unit[axis] = 26;
      const a = cy * unit[0] - sy * unit[1], b = sy * unit[0] + cy * unit[1], v = cp * b +
          sp * unit[2];
      context.beginPath(); context.moveTo(x0, y0); context.lineTo(x0 + a, y0 - v); context.stroke();
      context.fillText(name, x0 + a * 1.2 - 3, y0 - v * 1.2 + 4);
    });
  }

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio) ||
        canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    readStyles();
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const project = projector(width, height);
    drawGrid(context, project);
    drawTrails(context, project);
    drawBodies(context, project);
    drawAxes(context, height);
  }

  // Pointers: one turns (with shift or the other button: moves), two zoom and move.
  const held = new Map();
  canvas.onpointerdown = event => { held.set(event.pointerId, event);
      canvas.setPointerCapture(event.pointerId); };
  canvas.onpointerup = canvas.onpointercancel = event => held.delete(event.pointerId);
  canvas.oncontextmenu = event => event.preventDefault();
  canvas.onpointermove = event => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const dx = event.clientX - before.clientX, dy = event.clientY - before.clientY;
    if (held.size === 2) {
      const other = [...held.values()].find(pointer => pointer.pointerId !== event.pointerId);
      const size = pointer => Math.hypot(pointer.clientX - other.clientX,
          pointer.clientY - other.clientY);
      state.zoom *= size(event) / Math.max(size(before), 1);
      state.pan[0] += dx / 2; state.pan[1] += dy / 2;
    } else if (event.shiftKey || event.buttons === 2) {
      state.pan[0] += dx; state.pan[1] += dy;
    } else {
      state.yaw += dx * 0.008;
      state.pitch += dy * 0.008;
    }
    held.set(event.pointerId, event);
    draw();
  };
  canvas.addEventListener("wheel", event => {
    event.preventDefault();
    const box = canvas.getBoundingClientRect();
    const factor = Math.exp(-event.deltaY * 0.0015);
    const mx = event.clientX - box.left - box.width / 2,
        my = event.clientY - box.top - box.height / 2;
    state.pan = [mx - (mx - state.pan[0]) * factor, my - (my - state.pan[1]) * factor];
    state.zoom = Math.min(Math.max(state.zoom * factor, 1e-3), 1e5);
    draw();
  }, {passive: false});
  canvas.ondblclick = reset;
  canvas.onkeydown = event => {
    const turns = {ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0,
        0.1]}[event.key];
    if (turns) { state.yaw += turns[0]; state.pitch += turns[1]; }
    else if (event.key === "+" || event.key === "=") state.zoom *= 1.15;
    else if (event.key === "-") state.zoom /= 1.15;
    else return;
    event.preventDefault();
    draw();
  };
  measure();
  reset();
  return {draw, reset, show: sample => { state.sample = sample; draw(); },
    follow: body => { state.follow = body; measure(); reset(); }};
}
)js";

const char* const kReportMap = R"js(
// Many coordinates on a line: site across, time down, colour = value (blue below, red above zero).
function makeMapView(canvas, times, width, values) {
  let limit = 0;
  for (const row of values) for (const v of row) if (isFinite(v)) limit = Math.max(limit,
      Math.abs(v));
  limit = limit || 1;
  let marked = times.length - 1;
  function draw() {
    const css = getComputedStyle(document.documentElement);
    const dark = document.documentElement.dataset.theme === "dark";
    const middle = dark ? [22, 27, 34] : [250, 250, 250];
    const ends = dark ? [[90, 150, 255], [255, 120, 100]] : [[33, 84, 190], [190, 44, 36]];
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    const context = canvas.getContext("2d");
    const left = 64 * ratio, bottom = 30 * ratio, top = 10 * ratio;
    const across = canvas.width - left - 12 * ratio, down = canvas.height - bottom - top;
    const image = document.createElement("canvas");
    image.width = width; image.height = times.length;
    const pixels = image.getContext("2d").createImageData(width, times.length);
    values.forEach((row, k) => row.forEach((v, i) => {
      const s = Math.max(-1, Math.min(1, v / limit)), end = ends[s > 0 ? 1 : 0],
          a = Math.pow(Math.abs(s), 0.7);
      const at = 4 * (k * width + i);
      for (let c = 0; c < 3; ++c) pixels.data[at + c] = middle[c] + (end[c] - middle[c]) * a;
      pixels.data[at + 3] = 255;
    }));
    image.getContext("2d").putImageData(pixels, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = times.length > down;
    context.drawImage(image, left, top, across, down);
    context.fillStyle = css.getPropertyValue("--soft").trim();
    context.font = 11.5 * ratio + "px system-ui, sans-serif";
    context.textAlign = "right";
    const t0 = times[0], t1 = times[times.length - 1];
    for (const t of ticks(t0, t1, 6)) {
      context.fillText(numberText(t), left - 7 * ratio, top + (t - t0) / (t1 - t0 || 1) * down +
          4 * ratio);
    }
    context.textAlign = "center";
    for (const i of ticks(0, width - 1, 6)) {
      context.fillText("q[" + i + "]", left + (i + 0.5) / width * across,
          canvas.height - 10 * ratio);
    }
    const y = top + (times[marked] - t0) / (t1 - t0 || 1) * down;
    context.fillStyle = css.getPropertyValue("--accent").trim();
    context.fillRect(left, y - ratio, across, 2 * ratio);
  }
  canvas.classList.add("map");
  draw();
  return {draw, reset: draw, show: sample => { marked = sample; draw(); }, follow: () => {}};
}
)js";

}  // namespace cotangent::io
