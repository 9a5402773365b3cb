// Controls that script the emulator: faults of the next requests, the clock, and scenarios as text.

/** The faults to choose from. Those with `outcome` are outcomes of the model; the others are about single requests. */
const FAULTS = [
  ["is answered 503, no runner", { respond: { status: 503, json: { detail: "no runner" } } }],
  ["is answered 429, too many requests", { respond: { status: 429, headers: { "retry-after": "1" }, json: { detail: "slow down" } } }],
  ["is answered 403, account locked", { respond: { status: 403, json: { detail: "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing." } } }],
  ["is answered 401, bad key", { respond: { status: 401, json: { detail: "Invalid key credentials" } } }],
  ["is answered 502 by a gateway, in HTML", { respond: { status: 502, headers: { "content-type": "text/html" }, text: "<html><h1>502 Bad Gateway</h1></html>" } }],
  ["is answered 2 s later", { delay: 2 }],
  ["is reset before it is handled", { reset: "arrival" }],
  ["is handled, and its reply lost", { reset: "reply" }],
  ["gets half a reply", { cut: { body: 100 } }],
  ["is never answered", { stall: "reply" }],
  ["ends with a failure of the model, 500", { outcome: { fail: { status: 500, body: { detail: "Internal Server Error" } } } }],
  ["ends with a refusal of the content, 422", { outcome: { content_policy_violation: true } }],
  ["ends with a black image, NSFW", { outcome: { nsfw: true } }],
];

const KINDS_OF_REQUESTS = [["", "request"], ["run", "direct call"], ["stream", "stream"], ["submit", "submit"], ["status", "poll of the status"], ["status_stream", "stream of the status"], ["result", "fetch of a result"], ["cancel", "cancellation"], ["realtime", "realtime connection"], ["upload", "upload"], ["media", "download"], ["platform", "call of the platform API"]];

const EXAMPLE = `# TOML, or JSON. The README of fal-emulator lists every key.
[[endpoint]]
id = "fal-ai/flux/dev"
queue = [2, 1, 0]
logs = ["loading the model"]

[[rule]]
kind = "status"
delay = 1.5
times = 2
`;

const labelled = (text, element) => {
  element.id = newId();
  return make("div", { class: "field" }, make("label", { for: element.id }, text), element);
};

/** Sends a scenario. Returns the problem that the emulator finds in it. */
const applyScenario = async (text, type) => {
  const reply = await post("/_emulator/scenario", text, { "content-type": type });
  return reply.ok ? undefined : textOf((await reply.json()).detail);
};

/** Returns the scenario for a choice of the form. */
const scenarioOf = ({ fault, kind, endpoint, times }) => {
  const [, effect] = FAULTS[fault];
  if (effect.outcome) return { endpoint: [{ id: endpoint, outcomes: [{ ...effect.outcome, times }] }] };
  const rule = { ...effect, times };
  if (kind) rule.kind = kind;
  if (endpoint) rule.endpoint = endpoint;
  return { rule: [rule] };
};

const nextFaultForm = () => {
  const times = make("input", { type: "number", min: 1, max: 1000, value: "1" });
  const kind = make("select", {}, KINDS_OF_REQUESTS.map(([value, text]) => make("option", { value }, text)));
  kind.value = "submit";
  const endpoint = make("input", { type: "text", placeholder: "any", spellcheck: false, autocomplete: "off" });
  const fault = make("select", {}, FAULTS.map(([text], index) => make("option", { value: String(index) }, text)));
  const outcome = make("p", { class: "faint", role: "status" });
  const submit = async () => {
    const choice = { fault: Number(fault.value), kind: kind.value, endpoint: endpoint.value.trim(), times: Math.max(1, Number(times.value) || 1) };
    if (FAULTS[choice.fault][1].outcome && !choice.endpoint) {
      outcome.textContent = "An outcome of a model needs the id of its endpoint.";
      return endpoint.focus();
    }
    const trouble = await applyScenario(JSON.stringify(scenarioOf(choice)), "application/json");
    outcome.textContent = visible(trouble ?? `Added: the next ${choice.times > 1 ? `${choice.times} times, a` : ""} ${FAULTS[choice.fault][1].outcome ? "call" : kind.selectedOptions[0].textContent} of ${choice.endpoint || "any endpoint"} ${FAULTS[choice.fault][0]}.`);
  };
  return make("form", { class: "card", onsubmit: (event) => (event.preventDefault(), attempt(submit)()) },
    make("h2", {}, "The next …"),
    make("div", { class: "choices" },
      labelled("How many", times), labelled("Of which kind", kind), labelled("Of which endpoint", endpoint), labelled("What happens to it", fault)),
    make("div", { class: "row" }, make("button", { type: "submit", class: "main" }, "Add"), outcome));
};

const clockCard = () => {
  const forward = (seconds, text) => button(`+ ${text}`, attempt(async () => {
    await post("/_emulator/advance", JSON.stringify({ seconds }));
    announce(`The clock was moved forward by ${text}`);
    await refreshNow();
  }), { "aria-label": `Move the clock forward by ${text}` });
  return make("div", { class: "card" },
    make("h2", {}, "The emulator's clock"),
    make("p", { id: "clock" }),
    make("p", { class: "faint" }, "Moving it forward lets queues proceed, runs end, delays pass and files expire."),
    make("div", { class: "row" }, forward(1, "1 s"), forward(10, "10 s"), forward(60, "1 min"), forward(3600, "1 h"), forward(86_400, "1 day")));
};

const scenarioEditor = () => {
  const text = make("textarea", { class: "mono tall", spellcheck: false, value: EXAMPLE });
  const outcome = make("p", { class: "faint", role: "status" });
  const submit = async () => {
    const isJson = text.value.trimStart().startsWith("{");
    const trouble = await applyScenario(text.value, isJson ? "application/json" : "application/toml");
    outcome.className = trouble ? "problem" : "faint";
    outcome.textContent = visible(trouble ?? "Added to the scripts.");
  };
  const reset = attempt(async () => {
    await post("/_emulator/reset", "{}");
    outcome.className = "faint";
    outcome.textContent = "All scripts, rules, recorded requests and deliveries of webhooks were removed.";
    await refreshNow();
  });
  return make("form", { class: "card", onsubmit: (event) => (event.preventDefault(), attempt(submit)()) },
    make("h2", {}, "A scenario"), labelled("Behaviour of endpoints and rules about requests", text),
    make("div", { class: "row" }, make("button", { type: "submit", class: "main" }, "Add"), button("Remove all scripts", reset, { title: "Removes the recorded requests too" }), outcome));
};

const showScenario = () => byId("scenario").replaceChildren(nextFaultForm(), clockCard(), scenarioEditor());

/** Shows the time of the emulator's clock, and how far it was moved. */
const showClock = (feed) => {
  const ahead = (new Date(feed.clock) - new Date(feed.now)) / 1000;
  const text = `${new Date(feed.clock).toLocaleString()}${ahead > 1 ? ` (${duration(ahead)} ahead)` : ""}`;
  const place = byId("clock");
  if (place && place.textContent !== text) place.textContent = text;
};
