// What was used within 28 days, by day and by device.

import { get } from "./api.js";
import { daily } from "./charts.js";
import { calmly, count, duration, empty, facts, h, loading, plural, problem, show } from "./dom.js";

const DAY = 86400e3;
const SHORT = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", timeZone: "UTC" });

export function usage(place) {
  const body = h("div", null, loading());
  show(place, h("h1", null, "Usage"), body);
  async function load() {
    try { show(body, view(await get("usage"))); } catch (error) { show(body, problem(error)); }
  }
  load();
  return { changed: calmly(load, 3000) };
}

function view(found) {
  const jobs = found.days.reduce((sum, each) => sum + each.jobs, 0);
  const head = facts([
    ["Used within 28 days", duration(found.used_seconds)], ["Limit", found.limit_seconds === null ? "none" : duration(found.limit_seconds)],
    ["Jobs", count(jobs)], ["Plan", found.plan],
  ]);
  const limit = found.limit_seconds !== null && h("label", { class: "meter" }, "Share of the limit ", h("progress", { max: Math.max(found.limit_seconds, 1e-9), value: Math.min(found.used_seconds, found.limit_seconds) }));
  if (!jobs) return [head, limit, empty("Nothing was used yet.", "Seconds of simulation are counted here as jobs end.")];
  return [head, limit,
    h("section", { class: "card" }, h("h2", null, "Seconds by day"), daily(days(found), "Seconds of simulation on each of the last 28 days; by device in the table below")),
    h("section", { class: "card" }, h("h2", null, "By backend"), backends(found.days))];
}

function days(found) {
  const end = Math.floor(Date.parse(found.end) / DAY);
  return Array.from({ length: 28 }, (_, index) => {
    const day = end - 27 + index;
    const rows = found.days.filter((each) => Math.floor(Date.parse(each.day) / DAY) === day);
    const value = rows.reduce((sum, each) => sum + each.seconds, 0), jobs = rows.reduce((sum, each) => sum + each.jobs, 0);
    const name = SHORT.format(new Date(day * DAY));
    return { name, value, words: `${name}: ${duration(value)}, ${plural(jobs, "job")}` };
  });
}

function backends(rows) {
  const found = new Map();
  for (const each of rows) {
    const sum = found.get(each.backend) ?? { jobs: 0, seconds: 0, queued: 0 };
    found.set(each.backend, { jobs: sum.jobs + each.jobs, seconds: sum.seconds + each.seconds, queued: sum.queued + each.queued });
  }
  return h("div", { class: "wide", tabindex: 0, role: "group", "aria-label": "By backend" }, h("table", { class: "values figures" },
    h("thead", null, h("tr", null, ["Backend", "Jobs", "Usage", "Mean usage", "Mean wait"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", null, [...found].map(([name, { jobs, seconds, queued }]) => h("tr", null, h("th", { scope: "row" }, h("a", { href: `#/backends/${encodeURIComponent(name)}` }, name)),
      h("td", null, count(jobs)), h("td", null, duration(seconds)), h("td", null, duration(seconds / jobs)), h("td", null, duration(queued / jobs)))))));
}
