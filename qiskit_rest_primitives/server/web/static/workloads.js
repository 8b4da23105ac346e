// The list of jobs, sessions and batches: filters, search and pages are the server's.

import { get } from "./api.js";
import { badge, calmly, count, duration, empty, h, loading, problem, show, tagList, time } from "./dom.js";

const PAGE = 25;
const STATUSES = [["", "Any state"], ["pending", "Queued"], ["in_progress", "Running"], ["completed", "Completed"], ["failed", "Failed"], ["canceled", "Cancelled"]];
const KINDS = [["", "All kinds"], ["job", "Jobs"], ["session", "Sessions"], ["batch", "Batches"]];
const SAMPLE = `from qiskit_rest_primitives import QiskitRuntimeService, SamplerV2

service = QiskitRuntimeService(channel="local", url="${location.origin}/api/v1", token="…")
SamplerV2(service.backend("aer_simulator")).run([circuit])`;

const go = (query) => {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  location.hash = `#/workloads${text && `?${text}`}`;
};

export function workloads(place, _path, query) {
  let asked = query, timer = null, turn = 0;
  const change = (part) => go({ ...asked, next: "", previous: "", ...part });
  const search = h("input", { id: "search", type: "search", placeholder: "Job ID or tag", value: query.search, autocomplete: "off",
    oninput: () => { clearTimeout(timer); timer = setTimeout(() => change({ search: search.value.trim() }), 250); } });
  const choice = (name, label, entries) => {
    const select = h("select", { id: name, onchange: () => change({ [name]: select.value }) }, entries.map(([value, text]) => h("option", { value }, text)));
    select.value = query[name] ?? "";
    return [h("label", { for: name, class: "unseen" }, label), select];
  };
  const results = h("div", { class: "results", "aria-live": "off" }, loading());
  const said = h("p", { class: "unseen", role: "status" });
  show(place, h("h1", null, "Workloads"),
    h("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
      h("label", { for: "search", class: "unseen" }, "Search by job ID or tag"), search,
      choice("status", "State", STATUSES), choice("mode", "Kind", KINDS), choice("backend", "Backend", [["", "All backends"]])),
    said, results);

  get("backends").then(({ devices }) => {
    const select = place.querySelector("#backend");
    select?.append(...devices.map(({ name }) => h("option", { value: name }, name)));
    if (select) select.value = asked.backend ?? "";
  }).catch(() => {});

  async function load() {
    const mine = ++turn;
    try {
      const found = await get("workloads", { ...asked, limit: PAGE, sort: "-createdAt" });
      if (mine !== turn) return;
      said.textContent = `${count(found.total_count)} found`;
      show(results, found.workloads.length ? table(found) : nothing());
    } catch (error) { if (mine === turn) show(results, problem(error)); }
  }

  function nothing() {
    if (Object.values(asked).some(Boolean)) {
      return empty("Nothing fits these filters.", h("button", { type: "button", onclick: () => { search.value = ""; go({}); } }, "Show everything"));
    }
    return empty("No workloads yet.", "Run a job, and it appears here at once:", h("pre", { tabindex: 0 }, SAMPLE));
  }

  function table(found) {
    const cursor = (way) => found[way] && new URL(found[way].href).searchParams.get(way);
    const turnTo = (way) => cursor(way) && (() => go({ ...asked, next: "", previous: "", [way]: cursor(way) }));
    return listing(found.workloads, found.total_count, turnTo("previous"), turnTo("next"));
  }

  load();
  const soon = calmly(load);
  return {
    update: (_, next) => {
      asked = next;
      if (document.activeElement !== search) search.value = next.search ?? "";
      for (const name of ["status", "mode", "backend"]) place.querySelector(`#${name}`).value = next[name] ?? "";
      load();
    },
    changed: soon,
    leave: () => { clearTimeout(timer); turn += 1; },
  };
}

// A page of workloads, and what shows newer and older ones, if there are any.
function listing(items, all, newer, older) {
  const turn = (act, text) => h("button", { type: "button", disabled: !act, onclick: act }, text);
  return [
    h("table", { class: "list" },
      h("thead", null, h("tr", null, ["State", "Workload", "Backend", "Created", "Usage"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", null, items.map(row))),
    h("div", { class: "pager" }, h("span", { class: "soft" }, `${count(all)} in all`), turn(newer, "Newer"), turn(older, "Older")),
  ];
}

function row(item) {
  const kind = item.mode === "job" ? item.program ?? "job" : item.mode;
  const link = `#/${item.mode === "job" ? "jobs" : "sessions"}/${encodeURIComponent(item.id)}`;
  const state = item.mode !== "job" ? { pending: "open", in_progress: "active", completed: "closed" }[item.status] ?? item.status : item.status;
  return h("tr", { "data-id": item.id },
    h("td", { "data-name": "State" }, badge(state)),
    h("td", { "data-name": "Workload" }, h("a", { href: link, class: "mono" }, item.id), h("span", { class: "under" }, h("span", { class: "soft" }, kind), tagList(item.tags))),
    h("td", { "data-name": "Backend" }, item.backend),
    h("td", { "data-name": "Created" }, time(item.created)),
    h("td", { "data-name": "Usage", class: "number" }, item.usage.status === "complete" ? duration(item.usage_seconds) : "–"));
}

// The jobs of a session, a page at a time.
export function jobsOf(place, sessionId) {
  let offset = 0;
  const size = 20;
  async function load() {
    try {
      const { jobs, count: all } = await get("jobs", { session_id: sessionId, limit: size, offset });
      const turnTo = (to) => to >= 0 && to < all && (() => { offset = to; load(); });
      const items = jobs.map((each) => ({ ...each, mode: "job", program: each.program.id, status: each.status.toLowerCase(), usage_seconds: each.usage.qpu_charge_time_seconds }));
      show(place, jobs.length ? listing(items, all, turnTo(offset - size), turnTo(offset + size)) : empty("No jobs yet.", "Jobs that are run in it appear here."));
    } catch (error) { show(place, problem(error)); }
  }
  load();
  return calmly(load);
}
