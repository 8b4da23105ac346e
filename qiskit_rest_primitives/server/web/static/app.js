// The page: who is signed in, which view the address asks for, and what the server says meanwhile.

import { choose, get, listen, onSignedOut, post } from "./api.js";
import { decoded, h, problem, show } from "./dom.js";
import { backend, backends } from "./backends.js";
import { job } from "./job.js";
import { session } from "./session.js";
import { usage } from "./usage.js";
import { workloads } from "./workloads.js";

const VIEWS = { workloads, jobs: job, sessions: session, backends: (place, path) => (path[1] ? backend : backends)(place, path), usage };
const main = document.getElementById("main");
const live = document.getElementById("live");
const tabs = new BroadcastChannel("workloads");
let current = null, key = null, silence = null;

function wanted() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decoded);
  return [parts.length && Object.hasOwn(VIEWS, parts[0]) ? parts : ["workloads"], Object.fromEntries(new URLSearchParams(query))];
}

function route() {
  if (silence === null || location.hash === "#main") return;
  const [path, query] = wanted();
  const next = path.slice(0, 2).join("/");
  for (const link of document.querySelectorAll("#nav a")) {
    const here = link.hash.slice(2) === ({ jobs: "workloads", sessions: "workloads" }[path[0]] ?? path[0]);
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (next === key) return void current.update?.(path, query);
  const first = key === null;
  current?.leave?.();
  key = next;
  show(main);
  current = VIEWS[path[0]](main, path, query);
  document.title = path[0] === "workloads" ? "Workloads" : `${path[1] ?? path[0][0].toUpperCase() + path[0].slice(1)} · Workloads`;
  if (!first) { main.focus({ preventScroll: true }); scrollTo(0, 0); }
}

function begin(account) {
  document.getElementById("nav").hidden = live.hidden = document.getElementById("foot").hidden = false;
  const picker = document.getElementById("instance");
  picker.hidden = account.instances.length < 2;
  const select = picker.querySelector("select");
  show(select, account.instances.map((each, index) => h("option", { value: index }, `${each.name} (${each.plan})`)));
  select.onchange = () => { choose(Number(select.value)); restart(); };
  foot(account);
  restart();
}

function restart() {
  silence?.();
  key = null;
  silence = listen((changes) => current?.changed?.(changes), (word) => {
    live.textContent = word;
    live.classList.toggle("on", word === "Live");
  });
  route();
}

function foot(account) {
  const place = document.getElementById("foot");
  const said = h("span", { role: "status", class: "said" });
  const more = async () => {
    try { show(said, "Works once, within an hour: ", h("code", null, (await post("link")).link)); } catch (error) { show(said, error.message); }
  };
  const out = async () => {
    try { await post("sign-out"); tabs.postMessage("out"); ended(); } catch (error) { show(said, error.message); }
  };
  show(place,
    h("span", null, `qiskit-rest-primitives ${account.version}`),
    h("button", { type: "button", class: "plain", onclick: more }, "Link for another browser"),
    h("button", { type: "button", class: "plain", onclick: out }, "Sign out"), said);
}

function ended(error) {
  silence?.();
  silence = null;
  current?.leave?.();
  current = key = null;
  for (const id of ["nav", "live", "foot", "instance"]) document.getElementById(id).hidden = true;
  welcome(error);
}

function welcome(error) {
  const field = h("input", { id: "key", type: "password", autocomplete: "current-password", required: true });
  const said = h("div", null, error && problem(error));
  const enter = async (event) => {
    event.preventDefault();
    try {
      await post("sign-in", { key: field.value.trim() });
      tabs.postMessage("in");
      begin(await get("account"));
    } catch (failure) { show(said, problem(failure)); field.focus(); }
  };
  document.title = "Sign in · Workloads";
  show(main, h("form", { class: "card welcome", onsubmit: enter },
    h("h1", null, "Sign in"),
    h("p", null, "Open the link that the server printed when it started, or paste its API key: it is the ",
      h("code", null, "token"), " of the line that it prints, and of your saved account."),
    said,
    h("input", { type: "text", autocomplete: "username", value: location.host, hidden: true, "aria-label": "Server" }),
    h("label", { for: "key" }, "API key"), field,
    h("button", { type: "submit", class: "primary" }, "Sign in")));
  field.focus();
}

async function start() {
  const code = /^#login=([\w-]+)$/.exec(location.hash)?.[1];
  let failure = null;
  if (code) {
    history.replaceState(null, "", location.pathname);
    try { await post("sign-in", { code }); tabs.postMessage("in"); } catch (error) { failure = error; }
  }
  try {
    const account = await get("account");
    if (account.signed_in) begin(account);
    else ended(failure);
  } catch (error) { show(main, problem(error)); }
}

onSignedOut(() => { if (silence) ended(); });
tabs.addEventListener("message", start);  // somebody signed in or out in another one
addEventListener("hashchange", () => (location.hash.startsWith("#login=") ? start() : route()));
start();
