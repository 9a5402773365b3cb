// The lists of calls, webhooks and requests. The feed has summaries only; details are read when a card is opened.

/** Returns a function that shows a list of numbered items as elements, the latest on top. Known elements stay. */
const numberedList = (place, empty, create, update) => {
  const known = new Map();
  return (items) => {
    place().querySelector(":scope > .empty")?.remove();
    const present = new Set(items.map(({ number }) => number));
    for (const [number, { element }] of known) {
      if (present.has(number)) continue;
      element.remove();
      known.delete(number);
    }
    // Oldest first, because each new element goes on top.
    for (const item of items.toReversed()) {
      const text = JSON.stringify(item);
      const entry = known.get(item.number) ?? { element: create(item) };
      if (entry.text === text) continue;
      guarded(entry.element, () => update(entry.element, item));
      if (entry.text === undefined) place().prepend(entry.element);
      known.set(item.number, { ...entry, text });
    }
    if (items.length === 0) place().append(empty());
  };
};

/** Creates a card that reads its details from `path` when it is opened, and again when its item changes. */
const makeCard = (path, drawDetails) => {
  const body = make("div", { class: "body" });
  const card = make("details", { class: "card" }, make("summary"), body);
  let shown;
  card.load = async () => {
    if (!card.open) return;
    try {
      const details = await readJson(path);
      const text = JSON.stringify(details);
      if (text === shown) return;
      shown = text;
      guarded(body, () => fill(body, drawDetails(details)));
    } catch (error) {
      fill(body, make("p", { class: "problem" }, `The details could not be read: ${error.message}`));
    }
  };
  card.addEventListener("toggle", card.load);
  return card;
};

const updateCard = (drawSummary) => (card, item) => {
  fill(card.querySelector("summary"), drawSummary(item));
  card.load();
};

const stateTag = (call) => {
  const text = call.state === "queued" ? `queued, ${call.position} ahead` : call.state;
  return make("span", { class: `tag ${call.state}` }, call.status && call.state === "failed" ? `${text} ${call.status}` : text);
};

/** The name of a program from its user agent. Every browser claims to be Mozilla. */
const programName = (agent) => (/^Mozilla\//.test(agent ?? "") ? "browser" : (agent || "unknown program").split(/[\s(]/)[0].slice(0, 40));

const callSummary = (call) =>
  make(
    "div",
    { class: "row" },
    make("div", { class: "grow" }, make("h2", {}, call.endpoint), make("div", { class: "faint" }, `${clock(call.at)} · ${call.way} · ${programName(call.by)}${call.prompt ? ` · ${call.prompt}` : ""}`)),
    make("span", { class: "thumbs" }, (call.pictures ?? []).map((url) => make("img", { src: url, alt: "", loading: "lazy" }))),
    make("span", { class: "state" }, call.seconds !== undefined && make("span", { class: "faint" }, duration(call.seconds)), stateTag(call)),
  );

const part = (title, content) => content && [make("h3", {}, title), content];

const jobPath = (call) => `/queue/${endpointPath(call.endpoint)}/requests/${call.request_id}`;

const cancelButton = (details) =>
  make("button", { type: "button", onclick: () => call(`${jobPath(details)}/cancel`, { method: "PUT" }) }, "Cancel");

/** The emulator makes a result when it is first fetched, so the page does not fetch it by itself. */
const fetchButton = (details) => make("button", { type: "button", onclick: () => readJson(jobPath(details)) }, "Fetch the result");

const callDetails = (details) => {
  if (details.detail) return [make("p", { class: "faint" }, details.detail)];
  const open = details.state === "queued" || details.state === "running";
  return [
    gallery(details.output),
    details.request_id && make("p", { class: "faint" }, "Request ", make("code", {}, details.request_id)),
    details.request_id && open && cancelButton(details),
    details.way === "queue" && details.state === "done" && details.output === undefined && fetchButton(details),
    part("Logs", details.logs?.length > 0 && make("pre", { tabIndex: 0 }, details.logs.join("\n"))),
    part("Input", details.input !== null && pretty(details.input)),
    part("Output", details.output !== undefined && pretty(details.output)),
    part("Called by", details.by && make("code", { class: "long", tabIndex: 0 }, details.by)),
  ];
};

const showCalls = numberedList(
  () => byId("calls"),
  () => make("p", { class: "empty" }, "No calls yet. ", make("button", { type: "button", onclick: () => view("try") }, "Try a model")),
  (item) => makeCard(`/_emulator/page/call?number=${item.number}`, callDetails),
  updateCard(callSummary),
);

const webhookSummary = (webhook) => {
  const { status, error } = webhook;
  const good = status >= 200 && status < 300;
  const outcome = make("span", { class: `tag ${good ? "done" : "failed"}` }, status ?? error?.split(":").pop().trim() ?? "failed");
  return make("div", { class: "row" }, make("div", { class: "grow" }, make("h2", {}, webhook.url), make("div", { class: "faint" }, `attempt ${webhook.attempt} · request ${webhook.request_id}`)), outcome);
};

const webhookDetails = (details) => {
  if (details.detail) return [make("p", { class: "faint" }, details.detail)];
  return [details.error && make("p", { class: "problem" }, details.error), part("URL", make("code", { class: "long", tabIndex: 0 }, details.url)), part("Body", pretty(details.body))];
};

const showWebhooks = numberedList(
  () => byId("webhooks"),
  () => make("p", { class: "empty" }, "No webhooks yet. Submit a request with ", make("code", {}, "?fal_webhook=<URL>"), "."),
  (item) => makeCard(`/_emulator/page/webhook?number=${item.number}`, webhookDetails),
  updateCard(webhookSummary),
);

const showRequests = numberedList(
  () => byId("requests"),
  () => make("p", { class: "empty" }, "No requests yet."),
  () => make("div", { class: "row line" }),
  (row, { line, by }) => row.replaceChildren(make("code", { class: "grow" }, line), make("span", { class: "faint" }, programName(by))),
);

/** Shows how many items there are, and how many of them are listed. */
const showCount = (name, items, total) => {
  const count = byId(`count-${name}`);
  const text = total > items.length ? `${items.length} of ${total}` : String(items.length);
  if (count.textContent !== text) count.textContent = text;
};
