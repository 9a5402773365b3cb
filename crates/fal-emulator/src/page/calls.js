// What was called, and what came of it.

const stateOf = (call) => {
  const text = call.state === "queued" ? `queued, ${call.position} ahead` : call.state;
  return make("span", { class: `tag ${call.state}` }, call.status && call.state === "failed" ? `${text} ${call.status}` : text);
};

/** The program of a user agent; browsers say many names. */
const programOf = (agent) => (/^Mozilla\//.test(agent ?? "") ? "browser" : (agent || "unknown program").split(/[\s(]/)[0]);

const summaryOf = (call) => {
  const told = call.input?.prompt ?? call.input?.text ?? "";
  const by = programOf(call.by);
  return make(
    "summary",
    {},
    make(
      "div",
      { class: "row" },
      make("div", { class: "grow" }, make("h2", {}, call.endpoint), make("div", { class: "faint" }, `${clock(call.at)} · ${call.way} · ${by}${told ? ` · ${String(told).slice(0, 120)}` : ""}`)),
      thumbnails(call.output),
      make("span", { class: "state" }, call.seconds !== undefined && make("span", { class: "faint" }, duration(call.seconds)), stateOf(call)),
    ),
  );
};

const part = (title, content) => content && [make("h3", {}, title), content];

const cancel = (call) =>
  make("button", { type: "button", onclick: () => window.fetch(`/queue/${call.endpoint}/requests/${call.request_id}/cancel`, { method: "PUT", headers: key.get() ? { authorization: `Key ${key.get()}` } : {} }) }, "Cancel");

/** A result is made when it is first asked for; the page asks when a card is opened. */
const fetchResult = (call) =>
  make("button", { type: "button", onclick: () => readJson(`/queue/${call.endpoint}/requests/${call.request_id}`) }, "Fetch the result");

const bodyOf = (call) => {
  const open = call.state === "queued" || call.state === "running";
  return make(
    "div",
    { class: "body" },
    gallery(call.output),
    call.request_id && make("p", { class: "faint" }, "Request ", make("code", {}, call.request_id)),
    call.request_id && open && cancel(call),
    call.way === "queue" && call.state === "done" && call.output === undefined && fetchResult(call),
    part("Logs", call.logs?.length > 0 && make("pre", {}, call.logs.join("\n"))),
    part("Input", call.input !== null && pretty(call.input)),
    part("Output", call.output !== undefined && pretty(call.output)),
    part("Called by", call.by && make("code", {}, call.by)),
  );
};

/** Cards by number; one is drawn again only when its call has changed. */
const cards = new Map();

const showCalls = (calls) => {
  const section = byId("calls");
  byId("count-calls").textContent = calls.length;
  section.querySelector(".empty")?.remove();
  if (calls.length === 0) {
    section.append(make("p", { class: "empty" }, "Nothing was called yet. ", make("button", { type: "button", onclick: () => view("try") }, "Try a model")));
    return;
  }
  const present = new Set(calls.map((call) => call.number));
  for (const [number, { card }] of cards) {
    if (!present.has(number)) {
      card.remove();
      cards.delete(number);
    }
  }
  // The oldest first: each new card goes on top.
  for (const call of calls.toReversed()) {
    const text = JSON.stringify(call);
    const known = cards.get(call.number);
    if (known?.text === text) continue;
    const card = known?.card ?? make("details", { class: "card" });
    card.replaceChildren(summaryOf(call), bodyOf(call));
    if (!known) section.prepend(card);
    cards.set(call.number, { card, text });
  }
};

const showWebhooks = (webhooks) => {
  byId("count-webhooks").textContent = webhooks.length;
  const outcome = ({ status, error }) => {
    const good = status >= 200 && status < 300;
    return make("span", { class: `tag ${good ? "done" : "failed"}` }, status ?? error?.split(":").pop().trim() ?? "failed");
  };
  const card = (webhook) =>
    make(
      "details",
      { class: "card" },
      make("summary", {}, make("div", { class: "row" }, make("div", { class: "grow" }, make("h2", {}, webhook.url), make("div", { class: "faint" }, `attempt ${webhook.attempt} · request ${webhook.request_id}`)), outcome(webhook))),
      webhook.error && make("p", { class: "problem" }, webhook.error),
      part("Body", pretty(webhook.body)),
    );
  const empty = make("p", { class: "empty" }, "No webhook was delivered yet. Submit with ", make("code", {}, "?fal_webhook=<URL>"), ".");
  redraw("webhooks", webhooks, () => (webhooks.length > 0 ? webhooks.map(card) : [empty]));
};

const showRequests = (requests) => {
  const line = ({ line: text, by }) => make("div", { class: "row" }, make("code", { class: "grow" }, text), make("span", { class: "faint" }, programOf(by)));
  const empty = make("p", { class: "empty" }, "No request came yet.");
  redraw("requests", requests, () => (requests.length > 0 ? [make("div", { class: "card" }, requests.map(line))] : [empty]));
};

const drawn = new Map();

/** Draws a section again when what it shows has changed. */
const redraw = (id, data, draw) => {
  const text = JSON.stringify(data);
  if (drawn.get(id) === text) return;
  drawn.set(id, text);
  byId(id).replaceChildren(...draw());
};
