// What a job was given and what it gave: drawings, values, counts and expectation values.

import { bars, sweep } from "./charts.js";
import { count, empty, h, plural, problem } from "./dom.js";

const shape = (sizes) => (sizes.length ? `shape (${sizes.join(", ")}${sizes.length === 1 ? "," : ""})` : null);
const text = (label, words) => h("pre", { tabindex: 0, role: "group", "aria-label": label }, words);
const more = (title, ...content) => h("details", null, h("summary", null, title), content);
export const number = (value) => (typeof value === "number" ? Number(value.toPrecision(6)).toString() : String(value));

export function inputs(given) {
  if (given.text) return [given.problem && problem({ message: given.problem }), text("Inputs", given.text)];
  if (!given.circuits.length) return empty("There are no circuits.", "The options show what the program was given.");
  const rest = given.count - given.circuits.length;
  return [given.circuits.map(circuit), rest > 0 && h("p", { class: "soft" }, `… and ${plural(rest, "more circuit", "more circuits")}.`)];
}

function circuit(found, index) {
  if (found.text !== undefined) return h("section", { class: "card" }, h("h2", null, `Circuit ${index}`), problem({ message: found.problem }), text(`Text of circuit ${index}`, found.text));
  const notes = [plural(found.qubits, "qubit"), plural(found.clbits, "classical bit"), `depth ${found.depth}`, found.shots && `${count(found.shots)} shots`, found.precision && `precision ${found.precision}`];
  const hidden = [
    found.shown === 0 && found.steps > 0 && "It is not drawn: the circuits above are large.",
    found.shown > 0 && found.shown < found.steps && `The first ${count(found.shown)} of ${count(found.steps)} instructions are drawn.`,
    found.shown === found.steps && !found.whole && "The drawing is cut off.",
    found.idle > 0 && `${plural(found.idle, "idle qubit")} left out.`,
  ].filter(Boolean);
  return h("section", { class: "card" },
    h("h2", null, `Circuit ${index} `, h("span", { class: "soft" }, found.name)),
    h("p", { class: "soft" }, notes.filter(Boolean).join(" · ")),
    found.drawing !== "" && h("pre", { class: "drawing", tabindex: 0, role: "group", "aria-label": `Drawing of circuit ${index}` }, found.drawing),
    hidden.length > 0 && h("p", { class: "soft" }, hidden.join(" ")),
    h("p", { class: "tags" }, found.gates.map(([name, times]) => h("span", { class: "tag" }, `${name} ${count(times)}`))),
    found.problem && problem({ message: found.problem }),
    found.observables && observables(found.observables),
    found.values?.length > 0 && values(found.values));
}

function observables(found) {
  const terms = (one) => one.map(([label, weight]) => (weight === 1 ? label : `${number(weight)} ${label}`)).join(" + ") || "0";
  const rest = found.count - found.first.length;
  return h("div", null, h("h3", null, "Observables ", h("span", { class: "soft" }, shape(found.shape))), h("ul", { class: "mono" }, found.first.map((one) => h("li", null, terms(one)))), rest > 0 && h("p", { class: "soft" }, `… and ${count(rest)} more.`));
}

function values(found) {
  const cells = (each) => each.values.map(number).join(", ") + (each.values.length < each.shape.reduce((a, b) => a * b, 1) ? ", …" : "");
  return h("div", null, h("h3", null, "Parameter values ", h("span", { class: "soft" }, shape(found[0].shape))),
    h("table", { class: "values named" }, h("tbody", null, found.map((each) => h("tr", null, h("th", { scope: "row", class: "mono" }, each.name), h("td", { class: "mono" }, cells(each)))))));
}

export function outputs(found) {
  if (found.text !== undefined) return [found.problem && problem({ message: found.problem }), text("Result", found.text)];
  if (!found.pubs.length) return empty("The result is empty.", "The job had no PUBs.");
  const rest = found.count - found.pubs.length;
  return [found.pubs.map(pub), rest > 0 && h("p", { class: "soft" }, `… and ${plural(rest, "more PUB")}.`), more("Metadata of the result", text("Metadata of the result", found.metadata))];
}

function pub(found, index) {
  return h("section", { class: "card" },
    h("h2", null, `PUB ${index} `, h("span", { class: "soft" }, shape(found.shape))),
    found.registers.map(register), found.columns.length > 0 && columns(found.columns),
    found.more > 0 && h("p", { class: "soft" }, `… and ${plural(found.more, "more register")}.`),
    more("Metadata", text(`Metadata of PUB ${index}`, found.metadata)));
}

function register(found) {
  const words = [plural(found.bits, "bit"), `${count(found.shots)} shots`, found.sets !== 1 && `${count(found.sets)} parameter sets together`, plural(found.distinct, "outcome")];
  const left = found.total - found.counts.reduce((sum, [, times]) => sum + times, 0);
  return h("div", null, h("h3", { class: "mono" }, found.name), h("p", { class: "soft" }, words.filter(Boolean).join(" · ")), bars(found, left));
}

function columns(found) {
  const [first] = found, errors = found.find(({ name }) => name === "stds");
  const total = first.size, listed = first.values.length;
  const table = h("div", { class: "wide", tabindex: 0, role: "group", "aria-label": "Values" }, h("table", { class: "values" },
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "index"), found.map(({ name }) => h("th", { scope: "col" }, name)))),
    h("tbody", null, first.values.map((_, at) => h("tr", null, h("th", { scope: "row" }, place(at, first.shape)), found.map((each) => h("td", { class: "mono" }, each.values[at] === undefined ? "" : number(each.values[at]))))))));
  return h("div", null, first.shape.length > 0 && listed > 2 && sweep(first, errors), table, listed < total && h("p", { class: "soft" }, `… and ${count(total - listed)} more.`));
}

// The indices of the n-th value of an array, as (i, j).
function place(at, sizes) {
  const found = [];
  for (const size of [...sizes].reverse()) { found.unshift(at % size); at = Math.floor(at / size); }
  return found.length ? found.join(", ") : "–";
}
