// Making elements: every text becomes a text node, so nothing that a job carries is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false).map(readable));
  return element;
}

// What would turn the rest of a line around, or is not seen, is spelled out: names and tags are other people's.
const UNSEEN = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const readable = (child) => (typeof child === "string" ? child.replace(UNSEEN, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`) : child);

export const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);
export const svg = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

// What had the focus has it again if it is still there: what is live is made anew while somebody goes through it by keyboard.
export function show(place, ...children) {
  const held = place.contains(document.activeElement) && place !== document.activeElement && sameAs(document.activeElement);
  place.replaceChildren(...children.flat(3).filter(Boolean));
  if (held) [...place.querySelectorAll("a, button, input, select, summary, [tabindex]")].find((each) => sameAs(each) === held)?.focus({ preventScroll: true });
}

const sameAs = (element) => `${element.tagName} ${element.id} ${element.getAttribute("href")} ${element.ariaLabel} ${element.textContent}`;

// Addresses are typed by people: what is no escape stays as it is.
export function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const ABSOLUTE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const STEPS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

export function ago(iso) {
  const seconds = (Date.parse(iso) - Date.now()) / 1000;
  if (Math.abs(seconds) < 5) return "just now";
  const [unit, size] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? STEPS[3];
  return RELATIVE.format(Math.trunc(seconds / size), unit);
}

export const absolute = (iso) => ABSOLUTE.format(new Date(iso));

export function time(iso) {
  if (!iso) return h("span", { class: "soft" }, "–");
  return h("time", { datetime: iso, title: absolute(iso) }, ago(iso));
}

// Times that go on: those of <time>, and how long something has been going on.
setInterval(() => {
  for (const element of document.querySelectorAll("time[datetime]")) element.textContent = ago(element.dateTime);
  for (const element of document.querySelectorAll("[data-since]")) {
    element.textContent = duration((Date.now() - Date.parse(element.dataset.since)) / 1000);
  }
}, 1000);

export const since = (iso) => h("span", { "data-since": iso }, duration((Date.now() - Date.parse(iso)) / 1000));

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.0005) return "0 s";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const count = (number) => number.toLocaleString("en");
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

const STATES = {
  pending: ["queued", "Queued"], queued: ["queued", "Queued"], open: ["queued", "Open"],
  in_progress: ["running", "Running"], running: ["running", "Running"], active: ["running", "Active"],
  inactive: ["queued", "Inactive"], completed: ["completed", "Completed"], closed: ["completed", "Closed"],
  failed: ["failed", "Failed"], canceled: ["cancelled", "Cancelled"], cancelled: ["cancelled", "Cancelled"],
};

export function badge(state) {
  const [kind, label] = STATES[state.toLowerCase()] ?? ["cancelled", state];
  return h("span", { class: `badge ${kind}` }, label);
}

export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(Boolean).map(([name, value, kind]) => h("div", { class: kind }, h("dt", null, name), h("dd", null, value))));
}

export function empty(title, ...advice) {
  return h("div", { class: "empty" }, h("p", { class: "lead" }, title), advice.map((line) => h("p", null, line)));
}

export const problem = (error) => h("p", { class: "alert", role: "alert" }, error.message);
export const loading = (words = "Loading…") => h("p", { class: "soft loading", role: "status" }, words);

// Tags by which clients find their own submissions again are not the user's.
export const tagsOf = (tags) => tags.filter((tag) => !tag.startsWith("qrp-sub-"));
export const tagList = (tags) => h("span", { class: "tags" }, tagsOf(tags).map((tag) => h("span", { class: "tag" }, tag)));

// Ask before something cannot be undone; resolves to whether it was meant.
export function confirmed(question, detail, yes, no = "Keep it") {
  return new Promise((resolve) => {
    const end = (answer) => { box.close(); box.remove(); resolve(answer); };
    const box = h("dialog", { "aria-labelledby": "question", oncancel: () => end(false) },
      h("h2", { id: "question" }, question), h("p", null, detail),
      h("div", { class: "row end" },
        h("button", { type: "button", onclick: () => end(false) }, no),
        h("button", { type: "button", class: "danger", onclick: () => end(true) }, yes)));
    document.body.append(box);
    box.showModal();
  });
}

// At most one call per `pause` milliseconds, the last one always.
export function calmly(call, pause = 400) {
  let timer = null, again = false;
  const run = () => {
    timer = setTimeout(() => { timer = null; if (again) { again = false; run(); } }, pause);
    call();
  };
  return () => { if (timer === null) run(); else again = true; };
}
