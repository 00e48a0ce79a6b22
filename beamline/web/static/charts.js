// Axes, lines and points as SVG. Sizes are in pixels of the page, so that text is as large on a phone as on a wall.

const NS = "http://www.w3.org/2000/svg";
const SUPER = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
export const HC_EV_NM = 1239.841984;

export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== undefined) element.setAttribute(key, value);
  for (const child of children) element.append(child);
  return element;
}

export function power(exponent) {
  return `10${String(exponent).split("").map((c) => SUPER[c]).join("")}`;
}

export function ticks(low, high, count) {
  const span = high - low || 1;
  const raw = span / Math.max(count, 1);
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * size).find((s) => s >= raw * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) found.push(Number((i * step).toPrecision(12)));
  return found;
}

function logTicks(low, high) {
  const found = [];
  const wide = Math.log10(high / low);
  const steps = wide > 3 ? [1] : wide > 1.2 ? [1, 3] : [1, 2, 5];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e += 1) {
    for (const m of steps) if (m * 10 ** e >= low * 0.999 && m * 10 ** e <= high * 1.001) found.push(Number((m * 10 ** e).toPrecision(6)));
  }
  return found;
}

function text(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) {
    const e = Math.floor(Math.log10(size));
    return `${Number((value / 10 ** e).toPrecision(3))}·${power(e)}`;
  }
  return String(Number(value.toPrecision(6))).replace("-", "−");
}

function scale(domain, from, to, isLog) {
  const map = isLog ? Math.log : (v) => v;
  const [a, b] = domain.map(map);
  const factor = (to - from) / (b - a || 1);
  const forth = (value) => from + (map(value) - a) * factor;
  forth.back = (pixel) => (isLog ? Math.exp : (v) => v)(a + (pixel - from) / factor);
  return forth;
}

// A drawing that follows the size of its box. `plan` says what is drawn; see `draw`.
const plans = new WeakMap();
const observer = new ResizeObserver((entries) => {
  for (const entry of entries) {
    const kept = plans.get(entry.target);
    if (kept && Math.max(Math.abs(kept.width - entry.contentRect.width), Math.abs(kept.height - entry.contentRect.height)) > 1) draw(entry.target, kept.plan);
  }
});

export function chart(box, plan) {
  if (!plans.has(box)) observer.observe(box);
  draw(box, plan);
}

export function emptyChart(box, words) {
  plans.delete(box);
  const p = document.createElement("p");
  p.className = "empty";
  p.textContent = words;
  box.replaceChildren(p);
}

function draw(box, plan) {
  const width = Math.max(box.clientWidth, 220);
  const height = Math.max(box.clientHeight, 120);
  plans.set(box, { plan, width: box.clientWidth, height: box.clientHeight });
  const isLog = Boolean(plan.y.log);
  const yTicks = isLog ? logTicks(...plan.y.domain) : ticks(...plan.y.domain, height / 48);
  let e = 0;
  if (!isLog && Math.max(...plan.y.domain.map(Math.abs)) >= 1e4) e = Math.floor(Math.log10(Math.max(...plan.y.domain.map(Math.abs))));
  const yTexts = yTicks.map((t) => text(t / 10 ** e));
  const left = 30 + 7.8 * Math.max(...yTexts.map((t) => t.length), 2);
  const edge = { left, right: width - 12, top: plan.top ? 36 : 12, bottom: height - 40 };
  const x = scale(plan.x.domain, edge.left, edge.right, false);
  const y = scale(plan.y.domain, edge.bottom, edge.top, isLog);
  const clip = `clip-${Math.random().toString(36).slice(2)}`;
  const root = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": plan.about });
  root.append(svg("clipPath", { id: clip }, svg("rect", { x: edge.left, y: edge.top - 4, width: edge.right - edge.left, height: edge.bottom - edge.top + 8 })));

  const inside = svg("g", { "clip-path": `url(#${clip})` });
  for (const band of plan.bands ?? []) {
    const [x0, x1] = band.x ? band.x.map(x) : [edge.left, edge.right];
    const [y0, y1] = band.y ? band.y.map((v) => y(v)) : [edge.bottom, edge.top];
    inside.append(svg("rect", { class: band.class ?? "spec", x: Math.min(x0, x1), y: Math.min(y0, y1), width: Math.abs(x1 - x0), height: Math.abs(y1 - y0) }));
  }
  for (const t of yTicks) inside.append(svg("line", { class: "rule", x1: edge.left, x2: edge.right, y1: y(t), y2: y(t) }));
  root.append(inside);

  root.append(svg("path", { class: "axis", d: `M${edge.left},${edge.top}V${edge.bottom}H${edge.right}` }));
  yTicks.forEach((t, i) => root.append(svg("text", { x: edge.left - 7, y: y(t) + 4, "text-anchor": "end" }, yTexts[i])));
  const xTicks = ticks(...plan.x.domain, (edge.right - edge.left) / 75).filter((t) => !plan.x.whole || Number.isInteger(t));
  for (const t of xTicks) {
    root.append(svg("line", { class: "axis", x1: x(t), x2: x(t), y1: edge.bottom, y2: edge.bottom + 4 }));
    root.append(svg("text", { x: x(t), y: edge.bottom + 17, "text-anchor": "middle" }, text(t)));
  }
  root.append(svg("text", { class: "label", x: (edge.left + edge.right) / 2, y: height - 5, "text-anchor": "middle" }, plan.x.label));
  const yLabel = e ? plan.y.label.replace("(", `(${power(e)} `) : plan.y.label;
  const middle = (edge.top + edge.bottom) / 2;
  root.append(svg("text", { class: "label", x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` }, yLabel));
  if (plan.top === "eV") {
    const [low, high] = plan.x.domain;
    for (const t of ticks(HC_EV_NM / high, HC_EV_NM / low, (edge.right - edge.left) / 90)) {
      const at = x(HC_EV_NM / t);
      root.append(svg("line", { class: "axis", x1: at, x2: at, y1: edge.top - 4, y2: edge.top }), svg("text", { x: at, y: edge.top - 8, "text-anchor": "middle" }, text(t)));
    }
    root.append(svg("path", { class: "axis", d: `M${edge.left},${edge.top}H${edge.right}` }));
    root.append(svg("text", { class: "label", x: edge.right, y: 10, "text-anchor": "end" }, "photon energy (eV)"));
  }

  const marks = svg("g", { "clip-path": `url(#${clip})` });
  for (const line of plan.lines ?? []) {
    let d = "";
    let isUp = true;
    line.x.forEach((value, i) => {
      if (value === null || line.y[i] === null) { isUp = true; return; }
      const [px, py] = [x(value).toFixed(1), y(line.y[i]).toFixed(1)];
      d += isUp ? `M${px},${py}` : line.step ? `H${px}V${py}` : `L${px},${py}`;
      isUp = false;
    });
    marks.append(svg("path", { class: `line ${line.class ?? ""}`, d }));
  }
  for (const level of plan.levels ?? []) {
    marks.append(svg("line", { class: "cross", x1: edge.left, x2: edge.right, y1: y(level.y), y2: y(level.y) }));
    marks.append(svg("text", { x: edge.right - 4, y: y(level.y) - 5, "text-anchor": "end" }, level.text));
  }
  for (const p of plan.points ?? []) {
    const px = x(p.x);
    const title = svg("title", {}, p.title ?? "");
    if (p.y === null || p.y === undefined) {
      marks.append(svg("path", { class: "missing", d: `M${px - 3.5},${edge.bottom - 9}l7,7m0,-7l-7,7` }, title));
      continue;
    }
    if (p.sd) {
      const low = isLog ? Math.max(p.y - p.sd, plan.y.domain[0]) : p.y - p.sd;
      marks.append(svg("line", { class: "error", x1: px, x2: px, y1: y(low), y2: y(p.y + p.sd) }));
    }
    marks.append(svg("circle", { class: `point ${p.class ?? ""}`, cx: px, cy: y(p.y), r: p.r ?? 3.6 }, title));
  }
  root.append(marks);
  for (const note of plan.notes ?? []) root.append(svg("text", { x: x(note.x), y: edge.top + 15, class: "label", "text-anchor": note.anchor ?? "start" }, note.text));

  if (plan.readout && plan.lines?.length) readAlong(root, plan, { x, y, edge });
  box.replaceChildren(root);
}

function readAlong(root, plan, { x, y, edge }) {
  const cross = svg("line", { class: "cross", y1: edge.top, y2: edge.bottom, visibility: "hidden" });
  root.append(cross);
  const [line] = plan.lines;
  root.addEventListener("pointermove", (event) => {
    const seen = root.getBoundingClientRect(); // of the screen, which a large one's page is magnified for
    const at = ((event.clientX - seen.left) / seen.width) * root.viewBox.baseVal.width;
    if (at < edge.left || at > edge.right) return;
    const value = x.back(at);
    let best = 0;
    line.x.forEach((one, i) => { if (Math.abs(one - value) < Math.abs(line.x[best] - value)) best = i; });
    cross.setAttribute("x1", x(line.x[best]));
    cross.setAttribute("x2", x(line.x[best]));
    cross.setAttribute("visibility", "visible");
    plan.readout(line.x[best], best);
  });
  root.addEventListener("pointerleave", () => { cross.setAttribute("visibility", "hidden"); plan.readout(null); });
}

export function extent(values, { pad = 0.06, least = null, include = [] } = {}) {
  const found = [...values, ...include].filter((v) => v !== null && v !== undefined && Number.isFinite(v));
  if (!found.length) return [0, 1];
  let [low, high] = [Math.min(...found), Math.max(...found)];
  if (least !== null && high - low < least) { const middle = (low + high) / 2; low = middle - least / 2; high = middle + least / 2; }
  const room = (high - low || Math.abs(high) || 1) * pad;
  return [low - room, high + room];
}

export function logExtent(values, include = []) {
  const found = [...values, ...include].filter((v) => v !== null && v !== undefined && v > 0);
  if (!found.length) return [0.1, 10];
  return [Math.min(...found) / 1.4, Math.max(...found) * 1.4];
}
