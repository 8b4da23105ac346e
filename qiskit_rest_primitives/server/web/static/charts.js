// Pictures of numbers: counts as bars, a sweep as points with error bars, usage by day.

import { count, duration, h, svg } from "./dom.js";

const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 2 : 1)} %`;

// A histogram that is a table as well: who cannot see the bars reads the numbers.
export function bars(found, left) {
  const most = Math.max(...found.counts.map(([, times]) => times), 1);
  const row = (name, times, kind) => h("tr", null,
    h("th", { scope: "row", class: "mono" }, name),
    h("td", { class: "bar-cell" }, svg("svg", { "aria-hidden": "true", width: "100%", height: 16 }, svg("rect", { class: kind, width: `${Math.max(0.4, Math.min(100, (100 * times) / most))}%`, height: 16, rx: 3 }))),
    h("td", { class: "number" }, count(times)), h("td", { class: "number soft" }, percent(times / Math.max(1, found.total))));
  return h("table", { class: found.bits > 24 ? "bars long" : "bars" },
    h("caption", { class: "unseen" }, `Counts of ${found.name}`),
    h("thead", { class: "unseen" }, h("tr", null, ["outcome", "bar", "count", "share"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", null, found.counts.map(([name, times]) => row(name, times, "bar")), left > 0 && row("others", left, "rest")));
}

function scale(low, high) {
  const raw = (high - low) / 4 || 1, size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((each) => each * size >= raw) * size;
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + 1e-9 * step; at += step) ticks.push(Number(at.toPrecision(12)));
  return ticks;
}

export function sweep(values, errors) {
  const points = values.values.map((value, at) => [at, value, Number(errors?.values[at]) || 0]).filter(([, value]) => typeof value === "number");
  if (points.length < 3) return null;
  const width = 640, height = 240, left = 52, bottom = 28, top = 10;
  let low = Math.min(...points.map(([, value, error]) => value - error)), high = Math.max(...points.map(([, value, error]) => value + error));
  if (high - low < 1e-9) { low -= 0.5; high += 0.5; }
  const x = (at) => left + ((at + 0.5) * (width - left - 8)) / values.values.length;
  const y = (value) => top + ((high - value) * (height - top - bottom)) / (high - low);
  const row = values.shape.at(-1) ?? 1;  // each begins a line of its own
  const line = points.map(([at, value], index) => `${index && at % row ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  return svg("svg", { class: "sweep", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${values.name} from ${low.toPrecision(4)} to ${high.toPrecision(4)}; the table has the numbers` },
    scale(low, high).map((tick) => [svg("line", { class: "grid", x1: left, x2: width - 8, y1: y(tick), y2: y(tick) }), svg("text", { x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, String(tick))]),
    svg("path", { class: "line", d: line }),
    points.map(([at, value, error]) => svg("g", null, error > 0 && svg("line", { class: "error", x1: x(at), x2: x(at), y1: y(value - error), y2: y(value + error) }),
      svg("circle", { class: "point", cx: x(at), cy: y(value), r: points.length > 80 ? 2 : 3.5 }, svg("title", null, `${at}: ${value}`)))),
    svg("text", { x: width - 8, y: height - 8, "text-anchor": "end" }, `index of ${values.name}`));
}

export function daily(days, label) {
  const width = 640, height = 170, left = 62, bottom = 26, top = 12, step = (width - left) / days.length;
  const most = Math.max(...days.map(({ value }) => value), 1e-9);
  const y = (value) => height - bottom - (value / most) * (height - bottom - top);
  return svg("svg", { class: "daily", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    scale(0, most).map((tick) => [svg("line", { class: "grid", x1: left, x2: width, y1: y(tick), y2: y(tick) }), svg("text", { x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, duration(tick))]),
    days.map(({ name, value, words }, at) => {
      const tall = value > 0 ? Math.max(2, height - bottom - y(value)) : 0;
      return [svg("rect", { class: "bar", x: left + at * step + 2, width: step - 4, y: height - bottom - tall, height: tall, rx: 2 }, svg("title", null, words)),
        (days.length - 1 - at) % 7 === 0 && svg("text", { x: left + (at + 1) * step - 2, y: height - 6, "text-anchor": "end" }, name)];
    }));
}
