// What the night asks about its next coupon, and the answer: approved, edited or rejected. Without the token it only shows.
import { hasToken, name, onLock, post } from "./control.js";
import { $, el, say } from "./dom.js";
import { sitesTable } from "./suggestion.js";

let question = null;
let told = () => {};

export function startDecide(onDecided) {
  told = onDecided;
  onLock(show);
  $("approve").addEventListener("click", () => decide("approve", {}, "question-wrong"));
  $("edit").addEventListener("click", () => { fill(); $("edit-dialog").showModal(); });
  $("reject").addEventListener("click", () => { $("reject-why").value = ""; say("reject-wrong", ""); $("reject-dialog").showModal(); });
  submitted("edit-dialog", () => decide("edit", { changes: changes(), note: $("edit-note").value }, "edit-wrong", "edit-dialog"));
  submitted("reject-dialog", () => decide("reject", { note: $("reject-why").value }, "reject-wrong", "reject-dialog"));
}

export function ask(asked, isPaused) {
  const isOther = asked?.number !== question?.number;
  question = asked;
  if (asked && isOther) draw();
  if (asked) say("question-until", isPaused ? "paused: the time begins anew when it goes on" : `since ${asked.since.slice(11, 16)} · ${asked.then}`);
  show();
}

function show() {
  $("question").hidden = question === null;
  $("question-actions").hidden = !hasToken();
  $("question-locked").hidden = hasToken();
}

function draw() {
  const s = question.suggestion;
  say("question-wrong", "");
  $("question-about").replaceChildren(el("b", { text: s.coupon }), ` (${s.glass}), ${s.treatment}, ${s.sites.length} sites · coupon ${question.n_coupon} of the night, learnt from ${question.n_observations} sites`);
  say("question-why", `Why: ${s.reason}.`);
  $("question-sites").replaceChildren(sitesTable(s, "Sites to decide about"));
  $("question-before").replaceChildren(...question.before.map((one) => el("li", { text: `${one.coupon} was rejected by ${one.by}: ${one.note}` })));
}

function submitted(dialog, then) {
  $(dialog).querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); then(); });
}

async function decide(verdict, about, wrong, dialog) {
  const { isOk, plain } = await post("decide", { question: question?.number ?? "", verdict, by: name(), ...about });
  say(wrong, isOk ? "" : plain.error);
  if (!isOk) return;
  if (dialog) $(dialog).close();
  told(plain);
}

// ------------------------------------------------------------------------------------------------------------------ edit
function fill() {
  const varied = (fields) => fields.filter((field) => field.low < field.high);
  const [heat, writing, sites] = [varied(question.edit.heat), varied(question.edit.writing), question.edit.sites];
  $("edit-note").value = "";
  say("edit-wrong", "");
  $("edit-title").textContent = `Edit ${question.suggestion.coupon}`;
  $("edit-heat").replaceChildren(...heat.map((field) => el("div", {}, el("label", { for: `edit-${field.key}`, text: about(field) }), input(field, field.value, field.key, `edit-${field.key}`))));
  const head = el("tr", {}, el("th", { scope: "col", text: "make" }), ...writing.map((field) => el("th", { scope: "col", text: about(field) })));
  const rows = sites.map((site) => el("tr", {},
    el("th", { scope: "row" }, el("label", { class: "check" }, el("input", { type: "checkbox", checked: true, "data-site": site.name }), site.name)),
    ...writing.map((field) => el("td", {}, input(field, site[field.key], `${site.name}.${field.key}`, null, `${site.name}: ${about(field)}`)))));
  $("edit-sites").replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)));
}

function about(field) {
  const unit = field.unit ? ` ${field.unit}` : "";
  return `${field.label} (${field.low} to ${field.high}${unit})`;
}

function input(field, value, key, id, label) {
  const shown = String(Math.min(field.high, Math.max(field.low, Number(value.toPrecision(5))))); // left as it is, it is not sent
  return el("input", { type: "number", id, "aria-label": label, "data-key": key, "data-was": shown, min: field.low, max: field.high, step: field.step, value: shown, required: true });
}

function changes() {
  const found = {};
  const out = new Set();
  for (const box of $("edit-dialog").querySelectorAll("[data-site]")) if (!box.checked) { found[box.dataset.site] = "out"; out.add(box.dataset.site); }
  for (const box of $("edit-dialog").querySelectorAll("[data-key]")) {
    if (box.value !== box.dataset.was && !out.has(box.dataset.key.slice(0, box.dataset.key.lastIndexOf(".")))) found[box.dataset.key] = box.value;
  }
  return found;
}
