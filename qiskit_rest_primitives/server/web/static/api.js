// Requests to the server that the page came from, and its events.

let instance = 0;
export const choose = (number) => { instance = number; };

function address(path, query) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value) found.set(name, value);
  if (instance) found.set("instance", instance);
  const text = found.toString();
  return `web/${path}${text && `?${text}`}`;
}

let signedOut = () => {};
export const onSignedOut = (call) => { signedOut = call; };

const sentence = (text) => text[0].toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");

async function ask(path, query, options) {
  let answer;
  try {
    answer = await fetch(address(path, query), options);
  } catch {
    throw new Error("The server does not answer. It may have ended; this page goes on when it is back.");
  }
  if (answer.status === 204) return null;
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  if (answer.status === 401) signedOut();
  const found = body.errors?.[0];
  throw new Error(found ? [found.message, found.solution].filter(Boolean).map(sentence).join(" ") : `The server answered ${answer.status}.`);
}

export const get = (path, query) => ask(path, query, { headers: { accept: "application/json" } });
export const post = (path, body) =>
  ask(path, null, { method: "POST", headers: { "x-workloads": "1", "content-type": "application/json" }, body: JSON.stringify(body ?? {}) });

// Listen to changes while the page is visible: `told(changes)`, null for "look at everything"; `state(word)`.
export function listen(told, state) {
  let source = null, timer = null;
  const open = () => {
    close();
    source = new EventSource(address("events"));
    source.addEventListener("open", () => state("Live"));
    source.addEventListener("reset", () => told(null));
    source.addEventListener("changes", (event) => told(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      state("Reconnecting…");
      if (source.readyState === EventSource.CLOSED) refused();
    });
  };
  // There may be too many listeners, or a new server that does not know this browser.
  const refused = () => {
    timer = setTimeout(open, 5000);
    get("account").then((account) => { if (!account.signed_in) signedOut(); }).catch(() => {});
  };
  const close = () => { clearTimeout(timer); source?.close(); source = null; };
  const visible = () => { if (document.hidden) { close(); state("Paused"); } else open(); };
  document.addEventListener("visibilitychange", visible);
  open();
  return () => { document.removeEventListener("visibilitychange", visible); close(); };
}
