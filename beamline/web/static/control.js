// The token, and what is asked with it. It is kept in this tab only, and sent as a header that no other page can send.
import { $ } from "./dom.js";

const KEPT = "vitrail-token";
const NAME = "vitrail-name";
const watchers = [];
let uid = "";
let allowed = [];

export function startControl(campaign, { onAsked, onRefused }) {
  uid = campaign;
  const offered = new URLSearchParams(location.hash.slice(1)).get("token");
  if (offered) {
    history.replaceState(null, "", location.pathname + location.search); // out of the address bar and of the history
    unlock(offered).then((isRight) => { if (!isRight) onRefused("the token of the address is not that of this server"); });
  } else if (sessionStorage.getItem(KEPT)) unlock(sessionStorage.getItem(KEPT));
  for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
  $("unlock").addEventListener("click", () => {
    if (hasToken()) { sessionStorage.removeItem(KEPT); show(); return; }
    $("token").value = "";
    $("token-name").value = name();
    $("token-wrong").textContent = "";
    $("token-dialog").showModal();
  });
  $("token-dialog").querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    sessionStorage.setItem(NAME, $("token-name").value.trim());
    if (await unlock($("token").value.trim())) $("token-dialog").close();
    else $("token-wrong").textContent = "That is not the token of this server.";
  });
  const asks = async (what, reason) => {
    const { isOk, plain } = await post("ask", { what, reason });
    if (isOk) onAsked(plain);
    else onRefused(plain.error);
  };
  $("pause").addEventListener("click", () => asks("pause", ""));
  $("go-on").addEventListener("click", () => asks("go on", ""));
  $("stop").addEventListener("click", () => { $("stop-reason").value = ""; $("stop-dialog").showModal(); });
  $("stop-dialog").querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    $("stop-dialog").close();
    asks("stop", $("stop-reason").value.trim());
  });
  show();
}

export async function post(what, body) {
  const answer = await fetch(`/api/campaigns/${uid}/${what}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${sessionStorage.getItem(KEPT)}` },
    body: JSON.stringify(body),
  }).catch(() => null);
  if (!answer) return { isOk: false, plain: { error: "the server does not answer" } };
  if (answer.status === 401) { sessionStorage.removeItem(KEPT); show(); }
  const plain = await answer.json().catch(() => ({}));
  return { isOk: answer.ok, plain: answer.ok ? plain : { error: plain.error ?? `refused: ${answer.status}` } };
}

export function name() { return sessionStorage.getItem(NAME) ?? ""; }

export function onLock(watcher) { watchers.push(watcher); }

export function hasToken() { return sessionStorage.getItem(KEPT) !== null; }

async function unlock(token) {
  if (!/^[0-9a-f]{64}$/.test(token)) return false;
  const answer = await fetch("/api/token", { headers: { Authorization: `Bearer ${token}` } }).catch(() => null);
  if (!answer) return false;
  if (answer.ok) sessionStorage.setItem(KEPT, token);
  else sessionStorage.removeItem(KEPT);
  show();
  return answer.ok;
}

export function allow(what) {
  allowed = what;
  show();
}

function show() {
  $("with-token").hidden = !hasToken() || allowed.length === 0;
  $("unlock").hidden = allowed.length === 0;
  $("unlock").textContent = hasToken() ? "Lock" : "Control…";
  $("pause").hidden = !allowed.includes("pause");
  $("go-on").hidden = !allowed.includes("go on");
  $("stop").disabled = !allowed.includes("stop");
  for (const watcher of watchers) watcher();
}
