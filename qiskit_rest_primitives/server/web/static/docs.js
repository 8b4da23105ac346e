// The contract of the REST API, as the server's own OpenAPI document says it.

import { decoded, h, problem, show } from "./dom.js";

const main = document.getElementById("main"), nav = document.getElementById("nav");
document.title = "REST API";
nav.querySelector("[href=docs]").setAttribute("aria-current", "page");
nav.hidden = false;

const ACCESS = { open: "No credentials.", account: "A bearer token, or the API key.", instance: "A bearer token or the API key, and Service-CRN.", login: "An access token of the classic dialect." };

function access({ security }, whole) {
  const needed = security ?? whole.security;
  if (!needed.length) return ACCESS.open;
  if ("access" in needed[0]) return ACCESS.login;
  return "instance" in needed[0] ? ACCESS.instance : ACCESS.account;
}

function type(schema) {
  if (!schema) return "";
  if (schema.$ref) { const name = schema.$ref.split("/").pop(); return h("a", { href: `#schema-${name}` }, name); }
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf) return schema.anyOf.flatMap((each, index) => [index ? " | " : "", type(each)]);
  if (schema.items) return ["list of ", type(schema.items)];
  return [schema.type ?? "any"].flat().join(" | ") + (schema.format ? ` (${schema.format})` : "");
}

const table = (label, heads, rows) => rows.length > 0 && h("div", { class: "wide", tabindex: 0, role: "group", "aria-label": label }, h("table", { class: "values" },
  h("caption", null, label),
  h("thead", null, h("tr", null, heads.map((name) => h("th", { scope: "col" }, name)))),
  h("tbody", null, rows.map(([first, ...rest]) => h("tr", null, h("th", { scope: "row", class: "mono" }, first), rest.map((cell) => h("td", null, cell)))))));

// Most of it is never opened, so it is made when it is.
function folded(properties, summary, content) {
  const box = h("details", { class: "operation", ...properties }, h("summary", null, summary));
  box.addEventListener("toggle", () => box.append(...content().filter(Boolean)), { once: true });
  return box;
}

function operation(method, path, found, whole) {
  const bodies = Object.entries(found.requestBody?.content ?? {});
  const answers = Object.entries(found.responses).map(([status, each]) => [status, each.description, Object.entries(each.content ?? {}).map(([kind, { schema }]) => [kind === "application/json" ? "" : `${kind} `, type(schema)])]);
  const prefix = found.servers?.[0].url ?? whole.servers[0].url;
  const summary = [h("span", { class: `method ${method}` }, method.toUpperCase()), h("code", null, h("span", { class: "soft" }, prefix), path), h("span", { class: "soft" }, found.summary)];
  return folded({ "data-words": `${method} ${path} ${found.summary}`.toLowerCase() }, summary, () => [
    h("p", { class: "soft" }, access(found, whole)),
    table("Parameters", ["Name", "In", "Type", "Meaning"], (found.parameters ?? []).map((each) => [each.name, each.in, type(each.schema), each.description ?? ""])),
    table("Body", ["Media type", "Schema"], bodies.map(([kind, { schema }]) => [kind, type(schema)])),
    table("Answers", ["Status", "Meaning", "Body"], answers)]);
}

function view(whole) {
  const groups = new Map();
  for (const [path, methods] of Object.entries(whole.paths)) {
    for (const [method, found] of Object.entries(methods)) {
      const classic = found.servers ? "the classic dialect" : path.split("/")[1].replace(/^\{.*/, "catalog");
      groups.set(classic, [...(groups.get(classic) ?? []), operation(method, path, found, whole)]);
    }
  }
  const field = h("input", { id: "search", type: "search", placeholder: "Path or summary", autocomplete: "off", oninput: () => narrow(field.value.trim().toLowerCase()) });
  const said = h("p", { class: "soft", role: "status" });
  const narrow = (words) => {
    let seen = 0;
    for (const group of main.querySelectorAll("section.group")) {
      const hits = [...group.querySelectorAll(".operation")].filter((each) => { each.hidden = !each.dataset.words.includes(words); return !each.hidden; });
      group.hidden = !hits.length;
      seen += hits.length;
    }
    said.textContent = `${seen} operations`;
  };
  show(main,
    h("h1", null, "REST API"),
    h("p", null, `${whole.info.description} Version ${whole.info.version}. The document itself, OpenAPI ${whole.openapi}: `, h("a", { href: "openapi.json" }, "openapi.json"), "."),
    h("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() }, h("label", { for: "search", class: "unseen" }, "Search the operations"), field),
    said,
    [...groups].map(([name, operations]) => h("section", { class: "group" }, h("h2", null, name), operations)),
    h("h2", null, "Schemas"),
    Object.entries(whole.components.schemas).map(([name, schema]) => folded({ id: `schema-${name}` }, h("code", null, name), () => [properties(name, schema)])));
  narrow("");
  const jump = () => { const found = location.hash && document.getElementById(decoded(location.hash.slice(1))); if (found instanceof HTMLDetailsElement) { found.open = true; found.scrollIntoView(); } };
  addEventListener("hashchange", jump);
  jump();
}

function properties(name, schema) {
  const rows = Object.entries(schema.properties ?? {}).map(([key, each]) => [key, type(each), schema.required?.includes(key) ? "always" : "", each.description ?? ""]);
  return table(name, ["Member", "Type", "There", "Meaning"], rows) || h("p", null, type(schema));
}

fetch("openapi.json").then((answer) => answer.json()).then(view).catch(() => show(main, problem({ message: "The contract cannot be read from the server." })));
