// Campaigns laid over each other.
import { chart, emptyChart, extent } from "./charts.js";
import { $ } from "./dom.js";

const curves = JSON.parse($("curves").textContent);
for (const [id, key, label] of [["by-sites", "n", "sites learnt from"], ["by-hours", "hours", "time (h)"]]) {
  const all = curves.flatMap((c) => c.trace.map((t) => t[key]));
  if (!all.length) { emptyChart($(id), "Nothing has been learnt yet."); continue; }
  chart($(id), {
    about: `Probability that the target is reached against ${label}: ${curves.map((c) => `${c.name} ${c.uid} ends at ${c.trace.at(-1)?.p.toFixed(2) ?? "nothing"}`).join("; ")}`,
    x: { domain: [0, extent(all, { pad: 0.03 })[1]], label },
    y: { domain: [0, 1.05], label: "P(target reached)" },
    lines: curves.map((c, i) => ({ class: `s${i}`, step: true, x: [0, ...c.trace.map((t) => t[key])], y: [0, ...c.trace.map((t) => t.p)] })),
    points: curves.flatMap((c, i) => c.trace.filter((t) => t[key] !== null).map((t) => ({ x: t[key], y: t.p, r: 3, class: `s${i}`, title: `${c.name}: ${t.p.toFixed(3)}` }))),
  });
}
