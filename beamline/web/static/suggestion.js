// The sites of a suggestion, as a table: what is to be done, what is expected of it, and why.
import { el } from "./dom.js";

export function sitesTable(s, label) {
  const hasP = s.sites.some((one) => one.p !== null);
  const hasPeak = s.sites.some((one) => one.expected.red_peak_nm);
  const head = el("tr", {}, ...[["site", ""], ["energy (µJ)", "n"], [s.pace_name, "n"], hasPeak ? ["expected red peak (nm)", "n"] : null, hasP ? ["P within spec.", "n"] : null, ["why", ""]].filter(Boolean).map(([t, c]) => el("th", { scope: "col", class: c, text: t })));
  const rows = s.sites.map((one) => el("tr", {}, el("td", { text: one.name }), el("td", { class: "n", text: one.energy }), el("td", { class: "n", text: one.pace }),
    hasPeak ? el("td", { class: "n", text: one.expected.red_peak_nm ?? "–" }) : null, hasP ? el("td", { class: "n", text: one.p === null ? "–" : one.p.toFixed(2) }) : null, el("td", { class: "small soft", text: one.why })));
  return el("div", { class: "scroll low", tabindex: 0, role: "region", "aria-label": label }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)));
}
