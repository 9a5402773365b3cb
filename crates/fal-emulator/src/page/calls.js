// The lists of calls, webhooks and requests.

const stateTag = (call) => {
  const text = call.state === "queued" ? `queued, ${call.position} ahead` : call.state;
  return make("span", { class: `tag ${call.state}` }, call.status && call.state === "failed" ? `${text} ${call.status}` : text);
};

/** The name of a program from its user agent. Every browser claims to be Mozilla. */
const programName = (agent) => (/^Mozilla\//.test(agent ?? "") ? "browser" : (agent || "unknown program").split(/[\s(]/)[0]);

const callSummary = (call) => {
  const prompt = call.input?.prompt ?? call.input?.text ?? "";
  const program = programName(call.by);
  return make(
    "summary",
    {},
    make(
      "div",
      { class: "row" },
      make("div", { class: "grow" }, make("h2", {}, call.endpoint), make("div", { class: "faint" }, `${clock(call.at)} · ${call.way} · ${program}${prompt ? ` · ${String(prompt).slice(0, 120)}` : ""}`)),
      thumbnails(call.output),
      make("span", { class: "state" }, call.seconds !== undefined && make("span", { class: "faint" }, duration(call.seconds)), stateTag(call)),
    ),
  );
};

const part = (title, content) => content && [make("h3", {}, title), content];

const cancelButton = (call) =>
  make("button", { type: "button", onclick: () => window.fetch(`/queue/${call.endpoint}/requests/${call.request_id}/cancel`, { method: "PUT", headers: key.get() ? { authorization: `Key ${key.get()}` } : {} }) }, "Cancel");

/** The emulator makes a result when it is first fetched, so the page does not fetch it by itself. */
const fetchButton = (call) =>
  make("button", { type: "button", onclick: () => readJson(`/queue/${call.endpoint}/requests/${call.request_id}`) }, "Fetch the result");

const callDetails = (call) => {
  const open = call.state === "queued" || call.state === "running";
  return make(
    "div",
    { class: "body" },
    gallery(call.output),
    call.request_id && make("p", { class: "faint" }, "Request ", make("code", {}, call.request_id)),
    call.request_id && open && cancelButton(call),
    call.way === "queue" && call.state === "done" && call.output === undefined && fetchButton(call),
    part("Logs", call.logs?.length > 0 && make("pre", {}, call.logs.join("\n"))),
    part("Input", call.input !== null && pretty(call.input)),
    part("Output", call.output !== undefined && pretty(call.output)),
    part("Called by", call.by && make("code", {}, call.by)),
  );
};

/** The cards by call number. A card is redrawn only when its call has changed. */
const cards = new Map();

const showCalls = (calls) => {
  const section = byId("calls");
  byId("count-calls").textContent = calls.length;
  section.querySelector(".empty")?.remove();
  if (calls.length === 0) {
    section.append(make("p", { class: "empty" }, "No calls yet. ", make("button", { type: "button", onclick: () => view("try") }, "Try a model")));
    return;
  }
  const present = new Set(calls.map((call) => call.number));
  for (const [number, { card }] of cards) {
    if (!present.has(number)) {
      card.remove();
      cards.delete(number);
    }
  }
  // Oldest first, because each new card goes on top.
  for (const call of calls.toReversed()) {
    const text = JSON.stringify(call);
    const known = cards.get(call.number);
    if (known?.text === text) continue;
    const card = known?.card ?? make("details", { class: "card" });
    card.replaceChildren(callSummary(call), callDetails(call));
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
  const empty = make("p", { class: "empty" }, "No webhooks yet. Submit a request with ", make("code", {}, "?fal_webhook=<URL>"), ".");
  redraw("webhooks", webhooks, () => (webhooks.length > 0 ? webhooks.map(card) : [empty]));
};

const showRequests = (requests) => {
  const line = ({ line: text, by }) => make("div", { class: "row" }, make("code", { class: "grow" }, text), make("span", { class: "faint" }, programName(by)));
  const empty = make("p", { class: "empty" }, "No requests yet.");
  redraw("requests", requests, () => (requests.length > 0 ? [make("div", { class: "card" }, requests.map(line))] : [empty]));
};

const drawn = new Map();

/** Redraws a section if its data has changed. */
const redraw = (id, data, draw) => {
  const text = JSON.stringify(data);
  if (drawn.get(id) === text) return;
  drawn.set(id, text);
  byId(id).replaceChildren(...draw());
};
