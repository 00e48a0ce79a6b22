// The page of a night. It shows what the server reads from the records, and follows it as it changes.
import { HC_EV_NM, chart, emptyChart, extent, logExtent, svg } from "./charts.js";
import { allow, startControl } from "./control.js";
import { ask, startDecide } from "./decide.js";
import { $, clock, duration, el, get, list, say } from "./dom.js";
import { drawMap, mapLegend } from "./map.js";
import { sitesTable } from "./suggestion.js";

const uid = $("night").dataset.uid;
const api = `/api/campaigns/${uid}`;
let night = null;
let chosen = null; // {coupon, site} that somebody looks at; null: follow the night
let against = "n";
const fetched = new Map(); // path -> {revision, plain}
const drawn = new Map(); // part of the page -> what it was drawn from: what has not changed is not drawn again

// ------------------------------------------------------------------------------------------------------------- following
function follow() {
  const source = new EventSource(`${api}/events`);
  source.addEventListener("night", (event) => { say("link-state", ""); show(JSON.parse(event.data)); });
  source.onerror = () => {
    say("link-state", "no connection, trying again");
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, 2000);
  };
  window.addEventListener("pagehide", () => source.close());
}

function show(plain) {
  night = plain;
  if (document.hidden) return; // nobody looks: it is drawn when somebody does
  headline();
  allow(night.may_ask);
  ask(night.question, night.state.kind === "paused");
  coupons();
  if (isNew("convergence", [night.convergence, night.objective, against])) convergence();
  if (isNew("best", night.best)) best();
  if (isNew("suggestion", night.suggestion)) suggestion();
  if (isNew("troubles", night.troubles)) troubles();
}

function isNew(part, from) {
  const text = JSON.stringify(from);
  if (drawn.get(part) === text) return false;
  drawn.set(part, text);
  return true;
}

function looked() {
  const last = night.coupons.at(-1);
  const coupon = night.coupons.find((c) => c.serial === (chosen?.coupon ?? night.now.coupon)) ?? last;
  return coupon ? { coupon, site: chosen?.site ?? null } : null;
}

// -------------------------------------------------------------------------------------------------------------- headline
function headline() {
  const { state, time } = night;
  const kind = night.instrument.kind === "twin" ? "a simulated instrument: computed, not measured on glass" : night.instrument.kind;
  say("about", [night.objective?.text, `${night.instrument.name} (${kind})`, night.start_time.slice(0, 16).replace("T", " ")].filter(Boolean).join(" · "));
  if ($("state").textContent !== state.kind) { $("state").textContent = state.kind; $("state").className = `state ${state.kind}`; }
  say("doing", state.kind === "running" ? night.now.text : ["paused", "waiting", "recovering"].includes(state.kind) ? state.reason : night.now.text);
  const asked = night.asked ? `${night.asked.what} asked for by ${night.asked.interface} at ${night.asked.at.slice(11, 19)}` : "";
  const why = state.kind === "running" ? asked : [state.ends_when ? `goes on when ${state.ends_when}` : state.reason ?? ""].join("");
  say("why", why);
  document.title = `${state.kind}: ${night.name} · vitrail`;
  say("elapsed", duration(time.elapsed_s));
  const isOver = time.left_s === null;
  say("left", isOver ? "–" : duration(time.left_s));
  say("left-about", isOver ? "over" : time.end_time ? `left at most, until ${time.end_time.slice(11, 16)}` : "left at most");
  say("coupons", `${night.n_coupons} of ${night.n_coupons_max}`);
  say("sites", String(night.n_sites_measured));
  say("reached", night.best ? night.best.p_reached_text : "–");
  $("progress").value = isOver ? 1 : time.elapsed_s / Math.max(time.elapsed_s + time.left_s, 1);
}

// --------------------------------------------------------------------------------------------------------------- coupons
function coupons() {
  const at = looked();
  const tabs = $("coupon-tabs");
  const wanted = night.coupons.map((c) => c.serial).join(" ");
  if (tabs.dataset.shown !== wanted) {
    tabs.dataset.shown = wanted;
    tabs.replaceChildren(...night.coupons.map((c) => {
      const button = el("button", { type: "button", "data-serial": c.serial, text: c.serial });
      button.addEventListener("click", () => { chosen = { coupon: c.serial, site: null }; coupons(); });
      return button;
    }));
  }
  for (const button of tabs.children) button.setAttribute("aria-pressed", String(button.dataset.serial === at?.coupon.serial));
  $("follow").hidden = chosen === null;
  if (!at) {
    drawn.delete("map");
    drawn.delete("detail");
    $("map").replaceChildren(el("p", { class: "empty", text: "No coupon has been chosen yet." }));
    emptyChart($("spectrum"), "No spectrum yet.");
    emptyChart($("furnace"), "Nothing has been heated yet.");
    return;
  }
  const { coupon } = at;
  say("coupon-about", [`${coupon.glass}`, coupon.treatment, `${coupon.sites.length} sites`, coupon.damage && `damaged: ${coupon.damage}`].filter(Boolean).join(" · "));
  const marks = {
    chosen: at.site,
    now: night.now.coupon === coupon.serial ? night.now.site : null,
    best: night.best?.coupon === coupon.serial ? night.best.site : null,
  };
  if (isNew("map", [coupon, marks])) {
    drawMap($("map"), coupon, { ...marks, onChoose: (name) => { chosen = { coupon: coupon.serial, site: name }; coupons(); } });
    mapLegend($("map-legend"), coupon);
  }
  detail(at);
}

async function cached(path, revision) {
  const kept = fetched.get(path);
  if (kept && kept.revision === revision) return kept.plain;
  const plain = await get(path);
  fetched.set(path, { revision, plain });
  return plain;
}

async function detail({ coupon, site }) {
  const base = `${api}/coupons/${encodeURIComponent(coupon.serial)}`;
  try {
    const whole = await cached(base, coupon.revision);
    const one = site ? await cached(`${base}/sites/${encodeURIComponent(site)}`, coupon.revision) : null;
    const still = looked();
    if (still.coupon.serial !== coupon.serial || still.site !== site) return; // somebody has gone on meanwhile
    if (!isNew("detail", [base, site, coupon.revision])) return;
    furnace(whole.furnace, coupon);
    if (one) siteDetail(one);
    else couponDetail(whole, coupon);
  } catch {
    say("link-state", "no connection, trying again");
  }
}

function couponDetail(whole, coupon) {
  say("site-title", whole.spectrum ? `Spectrum of ${whole.spectrum.site} on ${coupon.serial}` : `Spectrum, ${coupon.serial}`);
  say("site-about", whole.spectrum ? `the newest of this coupon · ${taken(whole.spectrum)}` : "");
  spectrum(whole.spectrum, null);
  $("site-detail").replaceChildren(el("p", { class: "soft small", text: coupon.sites.length ? "Choose a site on the map: its recipe, spectrum and history." : "" }));
}

function taken(s) {
  return [s.hours === null ? "" : `taken at ${clock(s.hours)}`, `${s.n_averages} × ${s.integration_s} s`, `run ${s.run}`].filter(Boolean).join(" · ");
}

// Two lists of [name, value with its sigma, unit] side by side, under their headings.
function numbers(heads, left, right, ...more) {
  const [seen, expected] = [left, right].map((lines) => new Map(lines.map(([name, value, unit]) => [unit ? `${name} (${unit})` : name, value])));
  const names = [...new Set([...seen.keys(), ...expected.keys()])];
  const rows = [...names.map((name) => [name, seen.get(name) ?? "–", expected.get(name) ?? "–"]), ...more];
  return el("table", {}, el("thead", {}, el("tr", {}, ...["± 1σ", ...heads].map((t) => el("th", { scope: "col", text: t })))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell) => el("td", { text: cell }))))));
}

function siteDetail(one) {
  say("site-title", `Site ${one.name} on ${one.coupon}`);
  say("site-about", [one.state, one.reason, one.spectrum ? taken(one.spectrum) : "no spectrum yet"].filter(Boolean).join(" · "));
  spectrum(one.spectrum, one.measured);
  const parts = [el("div", {}, el("h3", { text: "Recipe" }), list(one.recipe))];
  const within = [one.measured ? (one.measured.is_inside ? "yes" : "no") : "–", one.p_in_specification === null ? "–" : `P = ${one.p_in_specification.toFixed(2)}`];
  parts.push(el("div", {}, el("h3", { text: one.measured ? `Outcome: ${one.measured.kind}` : "Outcome: not learnt from yet" }),
    numbers(["measured", "expected before"], one.measured?.lines ?? [], one.expected, ["within specification", ...within])));
  const rows = one.history.map((h) => el("tr", {}, el("td", { text: clock(h.hours) }), el("td", { text: h.did }), el("td", { class: "wrap", text: [h.told, h.ended].filter(Boolean).join("; ") }), el("td", { class: "uid soft", text: h.run })));
  parts.push(el("div", { class: "whole" }, el("h3", { text: "History" }), el("table", {}, el("tbody", {}, ...rows))));
  if (one.why) parts.push(el("p", { class: "small soft whole", text: `Why it was chosen: ${one.why}.` }));
  $("site-detail").replaceChildren(...parts);
}

function spectrum(s, measured) {
  say("spectrum-readout", "");
  if (!s) { emptyChart($("spectrum"), "No spectrum yet."); return; }
  const target = s.objective?.red_peak_nm;
  const notes = [];
  for (const [peak, name] of [[measured?.green_peak_nm, "green"], [measured?.red_peak_nm, "red"]]) if (peak) notes.push({ x: peak, text: `${name} ${peak.toFixed(1)} nm`, anchor: "middle" });
  const [low, high] = extent(s.values, { pad: 0.08 });
  chart($("spectrum"), {
    about: `Spectrum of site ${s.site}: ${s.quantity} in ${s.unit} against wavelength${notes.length ? "; peaks: " + notes.map((n) => n.text).join(", ") : ""}`,
    x: { domain: [s.wavelength_nm[0], s.wavelength_nm.at(-1)], label: "wavelength (nm)" },
    y: { domain: [Math.min(low, 0), high + (high - low) * 0.12], label: `${s.quantity} (${s.unit})` },
    top: "eV",
    bands: target ? [{ x: target }] : [],
    lines: [{ x: s.wavelength_nm, y: s.values }],
    notes,
    readout: (nm, i) => say("spectrum-readout", nm === null ? "" : `${nm.toFixed(1)} nm · ${(HC_EV_NM / nm).toFixed(3)} eV · ${s.values[i].toPrecision(4)} ${s.unit}`),
  });
}

function furnace(f, coupon) {
  if (!f) { say("furnace-about", coupon.treatment ? `to come: ${coupon.treatment}` : ""); emptyChart($("furnace"), `${coupon.serial} has not been heated yet.`); return; }
  say("furnace-about", `${coupon.serial} · ${f.treatment} · now ${f.temperature_C.at(-1).toFixed(1)} °C, setpoint ${f.setpoint_C.at(-1).toFixed(0)} °C · run ${f.runs.join(", ")}; line: readback, dashed: setpoint`);
  chart($("furnace"), {
    about: `Furnace temperature of ${coupon.serial} against time: last reading ${f.temperature_C.at(-1).toFixed(0)} °C, setpoint ${f.setpoint_C.at(-1).toFixed(0)} °C`,
    x: { domain: extent(f.hours, { pad: 0, least: 0.05 }), label: night.time.is_simulated ? "simulated time (h)" : "time (h)" },
    y: { domain: [0, Math.max(...f.temperature_C, ...f.setpoint_C, f.hold_C ?? 0) * 1.08], label: "temperature (°C)" },
    lines: [{ x: f.hours, y: f.setpoint_C, class: "soft dashed" }, { x: f.hours, y: f.temperature_C, class: "red" }],
  });
}

// ----------------------------------------------------------------------------------------------------------- convergence
function convergence() {
  const { points, trace, asked_p: askedP } = night.convergence;
  if (!points.length) {
    for (const id of ["peaks", "ratios", "probability"]) emptyChart($(id), id === "peaks" ? "Nothing has been learnt yet: the first coupon is not measured." : "");
    $("convergence-legend").replaceChildren();
    return;
  }
  const at = (p) => (against === "n" ? p.n : p.hours);
  const xs = points.map(at).filter((v) => v !== null);
  const x = { domain: against === "n" ? [0, points.length + 1] : extent(xs, { pad: 0.04, include: [0] }), label: against === "n" ? "site, in the order of measuring" : night.time.is_simulated ? "simulated time (h)" : "time (h)", whole: against === "n" };
  const placed = points.filter((p) => at(p) !== null);
  const many = points.length > 80 ? 2.6 : 3.6;
  const drawn = (key, sd) => placed.map((p) => ({ x: at(p), y: p[key], sd: p[sd], r: many, class: p.is_inside ? "inside" : "", title: `${p.site} on ${p.coupon}: ${p.kind}${p[key] ? `, ${p[key].toPrecision(4)}` : ""}` }));
  const { red_peak_nm: band, green_red_ratio: ratio } = night.objective ?? {};
  const inside = points.filter((p) => p.is_inside).length;
  chart($("peaks"), {
    about: `Red peak of ${points.length} sites in nm; ${inside} within the specification`, x,
    y: { domain: extent(points.map((p) => p.red_peak_nm), { include: band ?? [] }), label: "red peak (nm)" },
    bands: band ? [{ y: band }] : [], points: drawn("red_peak_nm", "red_peak_sd_nm"),
  });
  chart($("ratios"), {
    about: `Green over red light of ${points.length} sites`, x,
    y: { domain: logExtent(points.map((p) => p.green_red_ratio), ratio ?? []), label: "green : red", log: true },
    bands: ratio ? [{ y: ratio }] : [], points: drawn("green_red_ratio", "green_red_ratio_sd"),
  });
  const steps = trace.map((t) => ({ x: against === "n" ? t.n : Math.max(...points.slice(0, t.n).map((p) => p.hours ?? 0)), y: t.p_reached }));
  chart($("probability"), {
    about: `Probability that the target is reached, after each coupon: ${trace.map((t) => t.p_reached.toFixed(2)).join(", ")}`, x,
    y: { domain: [0, 1.05], label: "P(target reached)" },
    levels: askedP ? [{ y: askedP, text: "asked for" }] : [],
    lines: [{ x: [0, ...steps.map((s) => s.x)], y: [0, ...steps.map((s) => s.y)], class: "red", step: true }],
    points: steps.map((s, i) => ({ ...s, class: "dot", r: 3, title: `${trace[i].coupon}: ${s.y.toFixed(3)}` })),
  });
  const mark = (shape, words) => el("li", {}, svg("svg", { viewBox: "0 0 14 14", "aria-hidden": "true" }, shape), words);
  $("convergence-legend").replaceChildren(
    mark(svg("rect", { class: "spec", width: 14, height: 14 }), "specification"),
    mark(svg("circle", { class: "point inside", cx: 7, cy: 7, r: 4 }), `within it by the measured values (${inside} of ${points.length})`),
    mark(svg("circle", { class: "point", cx: 7, cy: 7, r: 4 }), "outside"),
    mark(svg("path", { class: "missing", d: "M3,3l8,8m0,-8l-8,8" }), "no such number: a phase that was not seen, or a failure"),
    el("li", { text: "bars: ± 1σ" }));
}

// ---------------------------------------------------------------------------------------------------------------- belief
function best() {
  const b = night.best;
  if (!b) { $("best").replaceChildren(el("p", { class: "empty", text: "None yet: no site has shown what is wanted." })); return; }
  const link = el("button", { type: "button", class: "quiet", text: `${b.site} on ${b.coupon}` });
  link.addEventListener("click", () => { chosen = { coupon: b.coupon, site: b.site }; coupons(); $("site-title").scrollIntoView({ block: "center" }); });
  $("best").replaceChildren(
    el("p", { class: "verdict" }, link, ` meets the specification with `, el("b", { text: b.p_reached_text }), b.p_fresh_text ? "; on a fresh coupon " : "", b.p_fresh_text ? el("b", { text: b.p_fresh_text }) : ""),
    el("div", { class: "details" },
      el("div", {}, el("h3", { text: "Recipe" }), list(b.recipe)),
      el("div", {}, el("h3", { text: "Measured, and expected" }), numbers(["measured", "on a fresh coupon"], b.measured.lines, b.again))),
    el("p", { class: "soft small", text: `from ${b.n_observations} observations` }));
}

function suggestion() {
  const s = night.suggestion;
  if (!s) { $("suggestion").replaceChildren(el("p", { class: "empty", text: "None yet." })); return; }
  $("suggestion").replaceChildren(
    el("p", {}, s.is_next ? "If the night went on: " : "", el("b", { text: s.coupon }), ` (${s.glass}), ${s.treatment}, ${s.sites.length} sites`),
    el("p", { class: "soft small", text: `Why: ${s.reason}.` }),
    s.is_next ? el("p", { class: "soft small", text: `It does not: ${s.verdict}.` }) : "",
    sitesTable(s, "Suggested sites"));
}

function troubles() {
  if (!night.troubles.length) { $("troubles").replaceChildren(el("p", { class: "empty", text: "None." })); return; }
  $("troubles").replaceChildren(el("ul", { class: "events", tabindex: 0, "aria-label": "Faults and pauses, newest first" },
    ...night.troubles.map((t) => el("li", {}, el("span", { class: "when", text: clock(t.hours) }), el("span", {}, el("b", { text: t.what }), t.why ? `: ${t.why}` : "")))));
}

// -------------------------------------------------------------------------------------------------------------- controls
function notice(text) {
  $("notice").hidden = !text;
  $("notice").textContent = text;
}
$("follow").addEventListener("click", () => { chosen = null; coupons(); });
for (const [id, key] of [["by-site", "n"], ["by-hour", "hours"]]) {
  $(id).addEventListener("click", () => {
    against = key;
    for (const other of ["by-site", "by-hour"]) $(other).setAttribute("aria-pressed", String(other === id));
    convergence();
  });
}
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && chosen && !document.querySelector("dialog[open]")) { chosen = null; coupons(); } });
startControl(uid, {
  onAsked: ({ asked }) => { notice(""); say("link-state", `${asked}: asked`); get(api).then(show); },
  onRefused: notice,
});
startDecide(({ decided }) => { say("link-state", `decided: ${decided}`); get(api).then(show); });
document.addEventListener("visibilitychange", () => { if (night) show(night); });
follow();
