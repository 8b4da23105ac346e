// The devices, and the map of one: its qubits and couplings, the better the lighter.

import { get } from "./api.js";
import { calmly, count, duration, empty, facts, h, loading, plural, problem, show, svg, time } from "./dom.js";

const processor = (type) => (type ? [type.family, type.revision && `r${type.revision}`].filter(Boolean).join(" ") : "–");

export function backends(place) {
  const list = h("div", { class: "cards" }, loading());
  show(place, h("h1", null, "Backends"), list);
  async function load() {
    try {
      const { devices } = await get("backends", { fields: "wait_time_seconds" });
      show(list, devices.map(card));
    } catch (error) { show(list, problem(error)); }
  }
  load();
  return { changed: calmly(load, 1000) };
}

function card(device) {
  return h("section", { class: "card" },
    h("h2", null, h("a", { href: `#/backends/${encodeURIComponent(device.name)}` }, device.name)),
    h("p", { class: "soft" }, device.is_simulator ? "Ideal simulator" : `Emulated device, ${processor(device.processor_type)}`),
    facts([["Qubits", count(device.qubits)], ["Queue", plural(device.queue_length, "job")], ["Usual wait", duration(device.wait_time_seconds?.p50)]]));
}

const METRICS = {
  readout_error: ["Readout error", "", false], sx_error: ["√X error", "", false], T1: ["T1", "µs", true], T2: ["T2", "µs", true],
};
const written = (value, unit) => (value === null || value === undefined ? "–" : `${Number(value.toPrecision(3))}${unit && ` ${unit}`}`);
const STEPS = 6;

export function backend(place, [, name]) {
  const head = h("div", null, loading()), queue = h("span");
  show(place, h("p", null, h("a", { href: "#/backends" }, "← Backends")), h("h1", null, name), head);

  async function load() {
    try { draw(await get(`backends/${encodeURIComponent(name)}`)); } catch (error) { show(head, problem(error)); }
  }

  function draw({ device, queue_length: waiting, wait_time_seconds: wait }) {
    queue.textContent = plural(waiting, "job");
    show(head,
      device.description && h("p", { class: "soft" }, device.description),
      facts([
        ["Qubits", count(device.n_qubits)], ["Queue", queue], ["Usual wait", duration(wait?.p50)], ["Processor", processor(device.processor_type)],
        ["Version", device.backend_version], device.calibrated && ["Calibrated", time(device.calibrated)], ["Most shots", count(device.max_shots ?? 0)],
      ]),
      h("p", { class: "tags" }, h("span", { class: "soft" }, "Gates"), device.basis_gates.map((gate) => h("span", { class: "tag" }, gate))),
      device.positions.length ? map(device) : empty("There is no map to draw.", "Every qubit reaches every other one, or there are too many of them."));
  }

  load();
  return { changed: calmly(async () => {
    try { queue.textContent = plural((await get(`backends/${encodeURIComponent(name)}`)).queue_length, "job"); } catch { /* said elsewhere */ }
  }, 2000) };
}

// Which of some steps a value is in, by rank, since errors are spread over decades.
function ranks(values) {
  const sorted = values.filter((value) => typeof value === "number").sort((a, b) => a - b);
  return (value) => (typeof value === "number" ? Math.min(STEPS - 1, Math.floor((STEPS * sorted.indexOf(value)) / sorted.length)) : null);
}

function map(device) {
  const offered = Object.keys(METRICS).filter((each) => device.qubits.some((qubit) => qubit[each] !== undefined));
  const picture = h("div"), select = h("select", { id: "metric", onchange: () => paint() }, offered.map((each) => h("option", { value: each }, METRICS[each][0])));
  const paint = () => show(picture, drawing(device, select.value));
  paint();
  return h("section", { class: "card" },
    h("div", { class: "title" }, h("h2", null, "Map"), offered.length > 0 && [h("label", { for: "metric" }, "Qubits by"), select]),
    picture, h("details", null, h("summary", null, "Calibration as a table"), tables(device)));
}

function drawing(device, metric) {
  const xs = device.positions.map(([x]) => x), ys = device.positions.map(([, y]) => y);
  const [left, top] = [Math.min(...xs) - 0.8, Math.min(...ys) - 0.8];
  const [wide, high] = [Math.max(...xs) - left + 0.8, Math.max(...ys) - top + 0.8];
  const [title, unit, good] = METRICS[metric] ?? ["", "", false];
  const rank = ranks(device.qubits.map((qubit) => qubit[metric])), step = ranks(device.couplings.map(({ error }) => error));
  const paint = (value) => (value === null ? "none" : `s${good ? STEPS - 1 - value : value}`);
  const small = device.positions.length > 400;
  return [
    svg("svg", { class: "map", viewBox: `${left} ${top} ${wide} ${high}`, role: "img", "aria-label": `Map of ${device.backend_name}: ${plural(device.n_qubits, "qubit")}, ${plural(device.couplings.length, "coupling")}; the table below has the numbers` },
      device.couplings.map(({ qubits: [a, b], gate, error }) => svg("line", { class: `edge ${paint(step(error))}`, x1: xs[a], y1: ys[a], x2: xs[b], y2: ys[b] },
        svg("title", null, `${a} – ${b}: ${gate ?? "coupled"} error ${written(error, "")}`))),
      device.positions.map(([x, y], index) => {
        const value = device.qubits[index]?.[metric], kind = paint(rank(value));
        return svg("g", { class: `qubit ${kind}` }, svg("circle", { cx: x, cy: y, r: 0.36 }, svg("title", null, `Qubit ${index}: ${title} ${written(value, unit)}`)),
          !small && svg("text", { x, y: y + 0.1, "text-anchor": "middle" }, String(index)));
      })),
    h("p", { class: "legend soft" }, "better", svg("svg", { "aria-hidden": "true", width: 120, height: 12 }, Array.from({ length: STEPS }, (_, index) => svg("rect", { class: `s${index}`, x: index * 20, width: 19, height: 12, rx: 2 }))), "worse",
      h("span", null, "Circles: qubits. Lines: the best two-qubit gate.")),
  ];
}

function tables(device) {
  const table = (heads, rows) => h("div", { class: "wide", tabindex: 0, role: "group", "aria-label": heads[0] }, h("table", { class: "values" },
    h("thead", null, h("tr", null, heads.map((each) => h("th", { scope: "col" }, each)))),
    h("tbody", null, rows.map(([first, ...rest]) => h("tr", null, h("th", { scope: "row" }, first), rest.map((each) => h("td", null, each)))))));
  const metrics = Object.entries(METRICS);
  return [
    table(["Qubit", ...metrics.map(([, [title, unit]]) => (unit ? `${title} (${unit})` : title))], device.qubits.map((qubit, index) => [String(index), ...metrics.map(([each]) => written(qubit[each], ""))])),
    table(["Coupling", "Gate", "Error"], device.couplings.map(({ qubits, gate, error }) => [qubits.join(" – "), gate ?? "–", written(error, "")])),
  ];
}
