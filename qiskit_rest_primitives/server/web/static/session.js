// One session or batch: its life, and its jobs.

import { get, post } from "./api.js";
import { badge, confirmed, duration, facts, h, plural, problem, show, time } from "./dom.js";
import { jobsOf } from "./workloads.js";

const REASONS = {
  session_created: "No job has run yet", session_activated: "Jobs run", session_inactivated_by_interactive_ttl: "No job came for a while",
  session_closed_early: "Closed by its owner", session_closed_by_max_ttl: "Its time was over", session_closed_unused: "It was never used", session_cancelled: "Cancelled",
};

export function session(place, [, id]) {
  let known = false;
  const head = h("div"), jobs = h("div", { class: "results" });
  const below = h("section", null, h("h2", null, "Jobs"), jobs);
  show(place, h("p", null, h("a", { href: "#/workloads" }, "← Workloads")), head, below);
  const again = jobsOf(jobs, id);

  async function load() {
    try { draw(await get(`sessions/${encodeURIComponent(id)}`)); } catch (error) { show(head, h("h1", { class: "mono" }, id), problem(error)); below.hidden = !known; }
  }

  async function close() {
    if (!await confirmed("Close it?", "Jobs that are queued are cancelled; those that run may finish.", "Close")) return;
    try { await post(`sessions/${encodeURIComponent(id)}/close`); } catch (error) { head.append(problem(error)); }
    load();
  }

  function draw(found) {
    const pending = found.queued + found.running;
    known = true;
    below.hidden = false;
    show(head,
      h("div", { class: "title" }, h("h1", { class: "mono" }, found.id), badge(found.state),
        found.state !== "closed" && h("button", { type: "button", class: "danger", onclick: close }, "Close")),
      facts([
        ["Kind", found.mode === "dedicated" ? "session" : found.mode], ["Backend", h("a", { href: `#/backends/${encodeURIComponent(found.backend_name)}` }, found.backend_name)],
        ["State", REASONS[found.state_reason] ?? found.state_reason], ["Not finished", plural(pending, "job")],
        ["Created", time(found.created)], ["Started", time(found.started_at)], ["Closed", time(found.closed_at)],
        ["Usage", duration(found.elapsed_time)], ["Longest life", duration(found.max_ttl)], ["Longest pause", duration(found.interactive_ttl)],
      ]));
  }

  load();
  return {
    changed: (changes) => {
      if (changes && !changes.some((each) => each.kind === "job" || each.id === id)) return;
      again();
      load();
    },
  };
}
