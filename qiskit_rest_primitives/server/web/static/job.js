// One job: its state and times as they change, and what went in and came out.

import { get, post } from "./api.js";
import { absolute, badge, calmly, confirmed, duration, empty, facts, h, loading, problem, show, since, svg, tagList, tagsOf, time } from "./dom.js";
import { inputs, outputs } from "./look.js";

const PARTS = [["result", "Result"], ["circuits", "Circuits"], ["options", "Options"], ["log", "Log"]];
const FINAL = ["Completed", "Failed", "Cancelled"];

export function job(place, path) {
  const id = path[1];
  let part = path[2] ?? "result", known = null, shown = null, turn = 0;
  const head = h("div", { "aria-live": "polite" }, loading()), body = h("div", { class: "panel" });
  const base = `#/jobs/${encodeURIComponent(id)}`;
  const tabs = h("nav", { class: "tabs", "aria-label": "Parts of the job" }, PARTS.map(([name, text]) => h("a", { href: `${base}/${name}`, "data-part": name }, text)));
  show(place, h("p", null, h("a", { href: "#/workloads" }, "← Workloads")), head, tabs, body);

  async function load() {
    const mine = ++turn;
    try {
      const found = await get(`jobs/${encodeURIComponent(id)}`);
      if (mine !== turn) return;
      known = found;
      show(head, top(found, cancel), found.state.reason && reason(found.state), timeline(found));
      fill();
    } catch (error) { if (mine === turn) { show(head, h("h1", { class: "mono" }, id), problem(error)); tabs.hidden = true; } }
  }

  // The parts below depend on the state only; what is there stays while nothing changes.
  async function fill() {
    for (const link of tabs.querySelectorAll("a")) {
      if (link.dataset.part === part) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    const next = `${part} ${part === "log" || part === "result" ? known.status + known.position : ""}`;
    if (next === shown) return;
    shown = next;
    const wait = setTimeout(() => { if (shown === next) show(body, loading(part === "log" ? undefined : "Drawing, which takes a moment the first time…")); }, 150);
    let found;
    try { found = await content(part, known); } catch (error) { found = problem(error); }
    clearTimeout(wait);
    if (shown === next) show(body, found);
  }

  async function cancel() {
    if (!await confirmed("Cancel this job?", "What it has computed so far is lost.", "Cancel the job")) return;
    try { await post(`jobs/${encodeURIComponent(id)}/cancel`); } catch (error) { head.append(problem(error)); }
    load();
  }

  load();
  const soon = calmly(load);
  return {
    update: (next) => { part = next[2] ?? "result"; if (known) fill(); },
    changed: (changes) => {
      const waits = known?.status === "Queued";
      if (!changes || waits || changes.some((each) => each.id === id)) soon();
    },
    leave: () => { turn += 1; shown = "left"; },
  };
}

function top(found, cancel) {
  const copy = async (event) => {
    await navigator.clipboard.writeText(found.id);
    event.target.textContent = "Copied";
  };
  return [
    h("div", { class: "title" }, h("h1", { class: "mono" }, found.id), badge(found.status),
      navigator.clipboard && h("button", { type: "button", class: "plain", onclick: copy }, "Copy ID"),
      !FINAL.includes(found.status) && h("button", { type: "button", class: "danger", onclick: cancel }, "Cancel")),
    facts([
      ["Program", found.program.id],
      ["Backend", h("a", { href: `#/backends/${encodeURIComponent(found.backend)}` }, found.backend)],
      found.session_id && ["Session", h("a", { href: `#/sessions/${encodeURIComponent(found.session_id)}`, class: "mono" }, found.session_id.slice(0, 8))],
      found.status === "Queued" && ["Place in the queue", String(found.position ?? "–")],
      ["Usage", FINAL.includes(found.status) ? duration(found.usage.qpu_charge_time_seconds) : "–"],
      ["Estimate", duration(found.estimated_running_time_seconds)],
      tagsOf(found.tags).length > 0 && ["Tags", tagList(found.tags), "whole"],
      found.private && ["Private", "Inputs and result are withheld"],
    ]),
  ];
}

function reason(state) {
  return h("div", { class: "alert", role: "alert" }, h("strong", null, state.reason_code ? `Error ${state.reason_code}` : "Reason"), " ", state.reason, state.reason_solution && h("p", null, state.reason_solution));
}

function timeline(found) {
  const { created, running, finished } = found.metrics.timestamps;
  const at = (iso) => Date.parse(iso) / 1000;
  const step = (name, iso, note, key) => h("li", { class: iso ? "done" : "to-come" }, h("strong", null, name), iso ? time(iso) : h("span", { class: "soft" }, "not yet"),
    note && h("span", { class: finished && running ? `soft key ${key}` : "soft" }, note));
  const waited = running ? ["after ", duration(at(running) - at(created))] : !finished && ["waiting for ", since(created)];
  const ran = finished ? running && ["ran ", duration(at(finished) - at(running))] : running && ["running for ", since(running)];
  const last = FINAL.includes(found.status) ? found.status : "Finished";
  const steps = h("ol", { class: "timeline" }, step("Created", created), (running || !finished) && step("Started", running, waited, "waited"), step(last, finished, ran, "ran"));
  if (!running || !finished) return steps;
  const share = Math.min(98, Math.max(2, (100 * (at(running) - at(created))) / Math.max(1e-6, at(finished) - at(created))));
  const words = `Waited ${duration(at(running) - at(created))}, ran ${duration(at(finished) - at(running))}; ended ${absolute(finished)}`;
  return [steps, svg("svg", { class: "share", role: "img", "aria-label": words, width: "100%", height: 8 },
    svg("rect", { class: "waited", width: `${share}%`, height: 8, rx: 4 }), svg("rect", { class: "ran", x: `${share}%`, width: `${100 - share}%`, height: 8, rx: 4 }))];
}

async function content(part, found) {
  const path = `jobs/${encodeURIComponent(found.id)}`;
  if (part === "log") return h("pre", { class: "log", tabindex: 0, role: "group", "aria-label": "Log" }, (await get(`${path}/log`)).log);
  if (part === "result") {
    if (found.status === "Queued") return empty("Not started yet.", `It is number ${found.position ?? "?"} in the queue of ${found.backend}. The result appears here when it is there.`);
    if (found.status === "Running") return empty("It runs.", "The result appears here when it is there.");
    if (found.status !== "Completed") return empty("There is no result.", found.status === "Failed" ? "The reason stands above; the log says when it happened." : "The job was cancelled.");
    if (found.private) return empty("The result is private.", "It can be read once, by the program that ran the job: job.result().");
    return outputs(await get(`${path}/result`));
  }
  if (found.private) return empty("The inputs are private.", "The server does not show them to anybody.");
  const given = await get(`${path}/inputs`);
  return part === "circuits" ? inputs(given) : h("pre", { tabindex: 0, role: "group", "aria-label": "Options" }, given.options ?? given.text);
}
