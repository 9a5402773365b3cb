// The lists of calls, webhooks and requests. The feed has summaries only; details are read when a card is opened.

const stateTag = (call) => {
  const text = call.state === "queued" ? `queued, ${call.position} ahead` : call.state;
  return make("span", { class: `tag ${call.state}` }, call.status >= 400 ? `${text} ${call.status}` : text);
};

/** The name of a program from its user agent. Every browser claims to be Mozilla. */
const programName = (agent) => (/^Mozilla\//.test(agent ?? "") ? "browser" : (agent || "unknown program").split(/[\s(]/)[0].slice(0, 40));

/** Returns the time that a call has taken, or the time since its start while it is open. */
const elapsed = (call) => {
  if (call.seconds !== undefined) return duration(call.seconds);
  if (call.open_seconds !== undefined) return duration(call.open_seconds);
  return undefined;
};

const callSummary = (call) =>
  make("div", { class: "row" },
    make("div", { class: "grow" },
      make("h2", {}, call.endpoint),
      make("div", { class: "faint" }, [clock(call.at), call.way, programName(call.by), call.scope && `scope ${call.scope}`, call.prompt].filter(Boolean).map(textOf).join(" · ")),
      call.why && make("div", { class: "problem" }, call.why)),
    make("span", { class: "thumbs" }, (call.pictures ?? []).map((url) => make("img", { src: url, alt: "", loading: "lazy" }))),
    make("span", { class: "state" }, make("span", { class: "faint" }, elapsed(call)), stateTag(call)));

const webhookSummary = (webhook) => {
  const { status, error } = webhook;
  const good = status >= 200 && status < 300;
  const outcome = make("span", { class: `tag ${good ? "done" : "failed"}` }, status ?? error?.split(":").pop().trim() ?? "failed");
  return make("div", { class: "row" }, make("div", { class: "grow" }, make("h2", {}, webhook.url), make("div", { class: "faint" }, `attempt ${webhook.attempt} · request ${webhook.request_id}`)), outcome);
};

const webhookDetails = (details) => {
  if (details.detail) return make("p", { class: "faint" }, details.detail);
  return [details.error && problem(details.error), part("URL", code(details.url, "URL")), part("Body", pretty(details.body, "Body"))];
};

/** Returns the outcome of a request: its status, or that its reply was cut or is still open. */
const outcomeOf = ({ status, is_complete: isComplete }) => (status === undefined ? "open" : isComplete ? String(status) : `${status}, cut short`);

const requestSummary = (request) =>
  make("div", { class: "row" },
    make("h2", { class: "grow line" }, request.line),
    make("span", { class: "faint" }, [clock(request.at), programName(request.by), request.seconds !== undefined && duration(request.seconds)].filter(Boolean).join(" · ")),
    make("span", { class: `tag ${request.status === undefined ? "running" : request.status < 400 && request.is_complete ? "done" : "failed"}` }, outcomeOf(request)));

/** Shows the headers and the body of a request or a reply. */
const messageParts = (title, { headers, json, text, base64, bytes }) => [
  part(`Headers of the ${title}`, code(Object.entries(headers).map(([name, value]) => `${name}: ${textOf(value)}`).join("\n"), `Headers of the ${title}`)),
  json !== undefined && json !== null && part(`Body of the ${title}`, pretty(json, `Body of the ${title}`)),
  (text || base64) && part(`Body of the ${title}`, code(textOf(text || base64), `Body of the ${title}`)),
  bytes !== undefined && make("p", { class: "faint" }, `The body of the ${title} has ${textOf(bytes)} bytes.`),
];

const requestDetails = (details) => {
  if (details.detail) return make("p", { class: "faint" }, details.detail);
  return [
    details.call && make("p", {}, make("a", { href: `#/calls/${encodeURIComponent(details.call)}` }, "Open the call")),
    part("Request", code(details.line, "Request")),
    messageParts("request", details),
    details.response && messageParts("reply", details.response),
  ];
};

/** Shows the unknown models that were called, and how to add them. */
const showUnknown = (unknown) => {
  const place = byId("unknown");
  const text = JSON.stringify(unknown);
  if (place.dataset.shown === text) return;
  place.dataset.shown = text;
  const entry = ({ id, calls, similar, fetch, reason }) => [
    make("h3", {}, `${id}, called ${calls === 1 ? "once" : `${calls.toLocaleString("en")} times`}`),
    similar.length > 0 && make("p", {}, make("span", { class: "faint" }, "Similar models: "), similar.map((other) => button(other, () => openModel(other)))),
    fetch ? code(`${fetch}\nfal-emulator --schema model.json`, `The commands that add ${id}`) : make("p", {}, reason),
  ];
  const title = unknown.length === 1 ? `The model ${unknown[0].id} is unknown` : `${unknown.length} unknown models were called`;
  fill(place, unknown.length > 0 && make("details", { class: "notice", open: place.querySelector("details")?.open },
    make("summary", {}, make("h2", { class: "problem" }, title)),
    make("p", { class: "faint" }, "A document of the model adds it. With --unknown-models accept, calls of unknown models are answered by a guess."),
    unknown.map(entry)));
};

const STATES = [["", "All calls"], ["open", "Queued and running"], ["done", "Done"], ["failed", "Failed, refused or cancelled"]];

/** Creates the three lists of the feed. */
const makeLists = () => [
  listView({
    name: "calls", noun: "call", states: STATES,
    empty: () => ["No calls yet. ", button("Try a model", () => (location.hash = "#/try")), " or ", button("Connect a program", () => (location.hash = "#/connect"))],
    create: (item) => makeCard(`/_emulator/page/call?number=${item.number}`, callDetails, callActions),
    update: updateCard(callSummary),
  }),
  listView({
    name: "webhooks", noun: "delivery attempt",
    empty: () => ["No webhooks yet. Submit a request with ", make("code", {}, "?fal_webhook=<URL>"), "."],
    create: (item) => makeCard(`/_emulator/page/webhook?number=${item.number}`, webhookDetails),
    update: updateCard(webhookSummary),
  }),
  listView({
    name: "requests", noun: "request",
    empty: () => ["No requests yet."],
    create: (item) => makeCard(`/_emulator/page/request?number=${item.number}`, requestDetails),
    update: updateCard(requestSummary),
  }),
];
