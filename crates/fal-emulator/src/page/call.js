// One call: its actions, its course, its cost, its requests, its input and output.

const part = (title, ...content) => content.some(isPart) && [make("h3", {}, title), content];

const jobPath = (call) => `/queue/${endpointPath(call.endpoint)}/requests/${encodeURIComponent(call.request_id)}`;

const readInput = async (details) => {
  const reply = await call(`/_emulator/page/input?number=${details.number}`);
  if (!reply.ok) throw new Error("the input is no longer kept");
  return reply.text();
};

/** Runs an action. If it fails, a line says so. */
const attempt = (action) => async () => {
  try {
    await action();
  } catch (error) {
    announce(`That did not work: ${error.message}`);
  }
};

/** Sends the input of a call again, in the same way. */
const runAgain = (details) => attempt(async () => {
  const body = await readInput(details);
  const id = endpointPath(details.endpoint);
  const path = details.way === "queue" ? `/queue/${id}` : details.way === "stream" ? streamPath(details.endpoint) : `/run/${id}`;
  announce("Called again");
  const reply = await post(path, body);
  await reply.text();
});

const editAgain = (details) => attempt(async () => {
  const body = details.way === "realtime" ? undefined : await readInput(details);
  await openModel(details.endpoint, body);
});

/** Shows a call as a program, and copies it. */
const snippetButtons = (details) => {
  const place = make("div");
  const show = ([name, program]) => button(name, attempt(async () => {
    const text = program(details.way, details.endpoint, await readInput(details));
    fill(place, code(text, `The call in ${name}`));
    await copy(text);
  }), { "aria-label": `Copy as ${name}` });
  return [make("div", { class: "row" }, make("span", { class: "faint" }, "Copy as"), LANGUAGES.map(show)), place];
};

const callActions = (details) => {
  if (details.detail) return [];
  const link = make("a", { href: `#/calls/${encodeURIComponent(details.id)}` }, "Link to this call");
  const hasInput = details.way !== "realtime";
  return make("div", { class: "actions" },
    make("div", { class: "row" },
      hasInput && button("Run again", runAgain(details)),
      button(hasInput ? "Edit and run" : "Open the model", editAgain(details)),
      link),
    hasInput && snippetButtons(details));
};

const cancelButton = (details) => button("Cancel", () => call(`${jobPath(details)}/cancel`, { method: "PUT" }));

/** The emulator makes a result when it is first fetched, so the page does not fetch it by itself. */
const fetchButton = (details) => button("Fetch the result", () => readJson(jobPath(details)));

/** Returns the steps of a call in the order of time. Requests of one kind in a row become one step. */
const stepsOf = (details) => {
  const requests = [];
  for (const { kind, after, status } of details.requests ?? []) {
    const last = requests.at(-1);
    if (last?.kind === kind && last.status === status) {
      last.count += 1;
      last.until = after;
    } else requests.push({ kind, status, count: 1, after, until: after });
  }
  const names = { submit: "submitted", status: "poll of the status", status_stream: "stream of the status", result: "fetch of the result", cancel: "cancellation", run: "called", stream: "called", realtime: "connected" };
  const told = requests.map(({ kind, status, count, after, until }) => {
    const answer = status ? `, answered ${status}` : "";
    const name = names[kind] ?? kind.replaceAll("_", " ");
    return { after, text: count === 1 ? `${name}${answer}` : `${count} × ${name}${answer}, the last after ${duration(until)}` };
  });
  const phases = [
    details.started !== undefined && { after: details.started, text: "a runner started" },
    details.ended !== undefined && { after: details.ended, text: details.state },
  ].filter(Boolean);
  return [...told, ...phases].sort((a, b) => a.after - b.after);
};

const timeline = (details) => {
  const steps = stepsOf(details);
  if (steps.length === 0) return undefined;
  const end = details.ended ?? details.open_seconds ?? 0;
  const start = details.started ?? (details.way === "queue" ? end : 0);
  const bar = (name, seconds) => {
    const element = make("span", { class: `span ${name}` }, seconds > 0 && `${name} ${duration(seconds)}`);
    element.style.flexGrow = String(Math.max(seconds, 0));
    return element;
  };
  return [
    end > 0 && make("div", { class: "course" }, start > 0 && bar("queued", start), end > start && bar(details.state === "queued" ? "queued" : "running", end - start)),
    make("ol", { class: "steps" }, steps.map(({ after, text }) => make("li", {}, make("span", { class: "time" }, duration(after)), " ", text))),
  ];
};

const costText = ({ units, unit, unit_price: price, cost, is_invented: isInvented }) => {
  const amount = `$${Number(cost.toPrecision(4))}`;
  return `${amount}: ${units} × ${unit} at $${price} each${isInvented ? ". The price is invented; --prices gives real ones." : ""}`;
};

const requestTable = (requests, total) => [
  make("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Requests of this call" },
    make("table", {},
      make("thead", {}, make("tr", {}, ["After", "Request", "Status", "Took"].map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, requests.map((request) =>
        make("tr", {}, make("td", {}, duration(request.after)), make("td", {}, make("code", {}, request.line)), make("td", {}, outcomeOf(request)), make("td", {}, request.seconds === undefined ? "" : duration(request.seconds))))))),
  total > requests.length && make("p", { class: "faint" }, `${requests.length} of ${total} requests.`),
];

const similarButtons = (id) => {
  const similar = similarModels(models.all, id);
  return similar.length > 0 && make("p", {}, make("span", { class: "faint" }, "Similar models: "), similar.map((model) => button(model.id, () => openModel(model.id))));
};

const callDetails = (details) => {
  if (details.detail) return make("p", { class: "faint" }, details.detail);
  const open = details.state === "queued" || details.state === "running";
  return [
    details.is_refused && details.status === 404 && similarButtons(details.endpoint),
    gallery(details.output),
    details.id && make("p", { class: "faint" }, "Request ", make("code", {}, details.id)),
    details.way === "queue" && open && cancelButton(details),
    details.way === "queue" && details.state === "done" && details.output === undefined && fetchButton(details),
    part("Course", timeline(details)),
    details.cost && part("Cost", make("p", {}, costText(details.cost))),
    details.logs?.length > 0 && part("Logs", code(details.logs.join("\n"), "Logs")),
    details.input !== null && details.input !== undefined && part("Input", pretty(details.input, "Input")),
    details.output !== undefined && part("Output", pretty(details.output, "Output")),
    details.requests?.length > 0 && part("Requests", requestTable(details.requests, details.request_count)),
    details.by && part("Called by", code(details.by, "Called by")),
  ];
};

/** The call whose address is open, in place of the list of calls. */
const single = { refresh: undefined };

const showCall = (id) => {
  const place = byId("call");
  for (const child of byId("calls").children) if (child !== place) child.classList.toggle("away", id !== undefined);
  if (id === undefined) {
    single.refresh = undefined;
    place.replaceChildren();
    return;
  }
  const heading = make("div");
  const { elements, refresh } = detailsPart(
    async () => {
      const details = await readJson(`/_emulator/page/call?request_id=${encodeURIComponent(id)}`);
      if (!details.detail) fill(heading, callSummary(details));
      return details;
    },
    callDetails,
    callActions,
  );
  place.replaceChildren(make("p", {}, make("a", { href: "#/calls" }, "← All calls")), make("div", { class: "card" }, heading, elements));
  single.refresh = refresh;
  refresh();
};
