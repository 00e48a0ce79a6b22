// The coupon to scale: sites as they were laid out, coloured and shaped by what the records say of them.
import { svg } from "./charts.js";

const STATES = ["blank", "intended", "written", "annealed", "measured", "suspect", "damaged"];

export function drawMap(box, coupon, { chosen, now, best, onChoose }) {
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.site : null;
  const unit = 20; // drawing units in a mm
  const edge = 46;
  const [w, h] = [coupon.width_mm * unit, coupon.height_mm * unit];
  const root = svg("svg", { viewBox: `0 0 ${w + edge + 14} ${h + edge + 12}`, width: "100%", role: "group", "aria-label": `Sites of coupon ${coupon.serial}` });
  const x = (mm) => edge + mm * unit;
  const y = (mm) => 8 + h - mm * unit;
  root.append(svg("rect", { class: "glass", x: x(0), y: y(coupon.height_mm), width: w, height: h, rx: 2 }));
  root.append(svg("path", { class: "notch", d: `M${x(0)},${y(0)}h${unit}l${-unit},${-unit}z` }));
  const step = coupon.width_mm > 12 ? 5 : 2;
  for (let mm = 0; mm <= coupon.width_mm; mm += step) root.append(svg("text", { x: x(mm), y: y(0) + 20, "text-anchor": "middle", "font-size": 15, class: "mm" }, String(mm)));
  for (let mm = 0; mm <= coupon.height_mm; mm += step) root.append(svg("text", { x: x(0) - 8, y: y(mm) + 5, "text-anchor": "end" }, String(mm)));
  root.append(svg("text", { class: "label", x: x(coupon.width_mm / 2), y: y(0) + 37, "text-anchor": "middle" }, "x (mm)"));
  const middle = y(coupon.height_mm / 2);
  root.append(svg("text", { class: "label", x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` }, "y (mm)"));

  const order = [...coupon.sites].sort((a, b) => b.y_mm - a.y_mm || a.x_mm - b.x_mm);
  const entry = order.find((s) => s.name === (focused ?? chosen)) ?? order[0];
  for (const site of order) {
    const long = Math.max(site.length_mm * unit, 11);
    const thick = 11;
    const [cx, cy] = [x(site.x_mm), y(site.y_mm)];
    const classes = [site.name === chosen ? "chosen" : "", site.name === now ? "now" : "", site.name === best ? "best" : ""].filter(Boolean).join(" ");
    const g = svg("g", {
      role: "button", tabindex: site === entry ? 0 : -1, class: classes, "data-site": site.name,
      "aria-label": spoken(site, { now, best }), "aria-pressed": site.name === chosen ? "true" : "false",
    });
    g.append(svg("title", {}, spoken(site, { now, best })));
    g.append(svg("rect", { class: "ring", x: cx - long / 2 - 6, y: cy - thick / 2 - 4, width: long + 12, height: thick + 8, rx: 6 }));
    g.append(svg("rect", { class: `site ${site.state}`, x: cx - long / 2, y: cy - thick / 2, width: long, height: thick, rx: site.length_mm ? 2 : 5.5 }));
    if (site.outcome && ["no luminescence", "failed", "saturated"].includes(site.outcome)) {
      g.append(svg("path", { d: `M${cx - 4},${cy - 4}l8,8m0,-8l-8,8`, stroke: "var(--card)", "stroke-width": 2 }));
    } else if (site.is_inside) {
      g.append(svg("circle", { cx, cy, r: 3, fill: "var(--card)" }));
    }
    const name = site.name === best ? `★ ${site.name}` : site.name;
    if (coupon.sites.length <= 60 || site.name === best) g.append(svg("text", { x: cx, y: cy - 9, "text-anchor": "middle", class: site.name === best ? "label" : "" }, name));
    const reach = Math.max(long + 16, 34);
    g.append(svg("rect", { class: "site-hit", x: cx - reach / 2, y: cy - 17, width: reach, height: 34 }));
    g.addEventListener("click", () => onChoose(site.name));
    g.addEventListener("keydown", (event) => steer(event, root, order, site, onChoose));
    root.append(g);
  }
  box.replaceChildren(root);
  if (focused) root.querySelector(`[data-site="${CSS.escape(focused)}"]`)?.focus();
}

function spoken(site, { now, best }) {
  const parts = [site.name, site.state];
  if (site.outcome) parts.push(site.outcome);
  if (site.red_peak_nm) parts.push(`red peak ${site.red_peak_nm.toFixed(1)} nm`);
  if (site.is_inside) parts.push("within the specification");
  if (site.name === now) parts.push("being worked on");
  if (site.name === best) parts.push("best site");
  return parts.join(", ");
}

function steer(event, root, order, site, onChoose) {
  if (event.key === "Enter" || event.key === " ") { event.preventDefault(); onChoose(site.name); return; }
  const steps = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const [dx, dy] = steps[event.key];
  let next = null;
  let nearest = Infinity;
  for (const one of order) {
    const along = (one.x_mm - site.x_mm) * dx + (one.y_mm - site.y_mm) * dy;
    const across = Math.abs((one.x_mm - site.x_mm) * dy) + Math.abs((one.y_mm - site.y_mm) * dx);
    if (along > 0.01 && along + 3 * across < nearest) { nearest = along + 3 * across; next = one; }
  }
  if (!next) return;
  for (const g of root.querySelectorAll("[data-site]")) g.setAttribute("tabindex", g.dataset.site === next.name ? 0 : -1);
  root.querySelector(`[data-site="${CSS.escape(next.name)}"]`).focus();
}

export function mapLegend(list, coupon) {
  const present = STATES.filter((state) => coupon.sites.some((site) => site.state === state));
  const entries = present.map((state) => [svg("rect", { class: `site ${state}`, x: 0, y: 3, width: 14, height: 8, rx: 2 }), state]);
  if (coupon.sites.some((s) => s.is_inside)) entries.push([svg("g", {}, svg("rect", { class: "site measured", x: 0, y: 3, width: 14, height: 8, rx: 2 }), svg("circle", { cx: 7, cy: 7, r: 2.4, fill: "var(--card)" })), "within the specification"]);
  if (coupon.sites.some((s) => ["no luminescence", "failed", "saturated"].includes(s.outcome))) entries.push([svg("g", {}, svg("rect", { class: "site measured", x: 0, y: 3, width: 14, height: 8, rx: 2 }), svg("path", { d: "M4,4l6,6m0,-6l-6,6", stroke: "var(--card)", "stroke-width": 1.8 })), "no number: dark, saturated or failed"]);
  list.replaceChildren(...entries.map(([mark, words]) => {
    const li = document.createElement("li");
    li.append(svg("svg", { viewBox: "0 0 14 14", "aria-hidden": "true" }, mark), words);
    return li;
  }));
}
