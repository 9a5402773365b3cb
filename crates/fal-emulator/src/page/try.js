// Calls a model from the page.

const subscribe = async (id, body, show) => {
  const receipt = await post(`/queue/${endpointPath(id)}`, body);
  if (!receipt.ok) return receipt;
  const { request_id: request } = await receipt.json();
  const path = `/queue/${endpointPath(id)}/requests/${request}`;
  for (;;) {
    const status = await readJson(`${path}/status?logs=1`);
    show(make("p", { class: "faint" }, status.status === "IN_QUEUE" ? `Queued, ${status.queue_position} ahead` : status.status),
      status.logs?.length > 0 && code(status.logs.map((log) => textOf(log.message)).join("\n"), "Logs"));
    if (status.status === "COMPLETED") return call(path);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

const streamPath = (id) => `/run/${endpointPath(id)}${id.endsWith("/stream") ? "" : "/stream"}`;

const stream = async (id, body, show) => {
  const reply = await post(streamPath(id), body);
  if (!reply.ok) return reply;
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let last;
  let count = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Response(JSON.stringify(last ?? null));
    rest += value;
    const events = rest.split("\n\n");
    rest = events.pop();
    for (const event of events) {
      last = JSON.parse(event.replace(/^data: ?/, ""));
      count += 1;
      show(make("p", { class: "faint" }, `Event ${count}`), gallery(last) || pretty(last, "Event"));
    }
  }
};

const run = (id, body) => post(`/run/${endpointPath(id)}`, body);

/** Builds the form of a model, known or not, and the card of its result. */
const modelForm = (id, model, input) => {
  const editor = inputEditor(model);
  const result = make("div", { class: "card", role: "region", "aria-label": "Result", tabIndex: 0 }, make("p", { class: "empty" }, "The result appears here."));
  const show = (...parts) => fill(result, parts);
  const buttons = [];
  const send = (how, name) => async () => {
    const body = editor.read();
    if (body === undefined) return;
    for (const button of buttons) button.disabled = true;
    show(make("progress", { "aria-label": "Running" }));
    result.scrollIntoView({ block: "nearest" });
    try {
      const reply = await how(id, body, show);
      const output = await reply.json();
      editor.mark(output?.detail);
      const call = reply.headers.get("x-fal-request-id");
      show(!reply.ok && problem(`${reply.status} ${reply.statusText}`), gallery(output), make("h3", {}, "Output"), pretty(output, "Output"),
        call && make("p", {}, make("a", { href: `#/calls/${encodeURIComponent(call)}` }, "Open this call")));
      announce(reply.ok ? `${name}: done` : `${name}: refused with ${reply.status}`);
    } catch (error) {
      show(problem(`There is no result: ${error.message}`));
    }
    for (const button of buttons) button.disabled = false;
  };
  buttons.push(
    make("button", { type: "submit", class: "main", title: "Submit to the queue and wait for the result" }, "Subscribe"),
    button("Run", send(run, "Run"), { title: "Call the model directly, without the queue" }),
  );
  if (model?.streams) buttons.push(button("Stream", send(stream, "Stream"), { title: "Call the model and show previews while it runs" }));
  const talk = model?.realtime ? realtimePanel(id, editor, show) : undefined;
  const submit = send(subscribe, "Subscribe");
  const form = make("form", { class: "card", noValidate: true, onsubmit: (event) => (event.preventDefault(), submit()) },
    editor.element, make("div", { class: "row" }, buttons, editor.toggle), talk?.element);
  if (input !== undefined) editor.write(input);
  return { element: make("div", { class: "columns" }, form, result), end: () => talk?.end() };
};

/** The models of the emulator, and the one that is open. */
const models = { all: [], open: undefined, field: undefined, place: make("div"), form: undefined, ready: undefined };

const unknownModel = (id) => {
  return make("div", { class: "card", role: "status" },
    problem(`fal-emulator has no document of ${id}.`),
    similarButtons(id),
    make("p", { class: "faint" }, "A document of the model can be added when the emulator starts. Calls of this id are sent all the same, for endpoints that a scenario makes up."));
};

/** Shows the form of a model, with an input if one is given. The form of the same model stays as it is. */
const showModel = async (id, input) => {
  const isOpen = models.open === id && input === undefined;
  // The address may change after one has begun to type, as when the tab is chosen again.
  if (!isOpen || !models.field?.isInUse()) models.field?.set(id);
  if (isOpen) return;
  models.open = id;
  models.form?.end();
  try {
    const reply = await call(`/_emulator/page/model?endpoint_id=${encodeURIComponent(id)}`);
    const model = reply.ok ? await reply.json() : undefined;
    if (models.open !== id) return;
    const texts = [model?.category, model?.description].filter((text) => text && typeof text === "string");
    models.form = modelForm(id, model, input);
    models.place.replaceChildren(
      model ? make("p", { class: "faint about", tabIndex: 0, role: "region", "aria-label": "About the model" }, texts.join(" · ")) : unknownModel(id),
      models.form.element,
    );
  } catch (error) {
    models.place.replaceChildren(problem(`The form cannot be shown: ${error.message}`));
  }
};

const isOnTry = () => location.hash.startsWith("#/try");

/** Goes to the form of a model. */
const openModel = async (id, input) => {
  const address = `#/try/${endpointPath(id)}`;
  if (location.hash !== address) history.pushState(null, "", address);
  view("try");
  await models.ready;
  await showModel(id, input);
};

const FIRST_MODEL = "fal-ai/flux/dev";

const loadModels = async () => {
  byId("try").replaceChildren(make("p", { class: "empty", role: "status" }, "The models are being read."));
  models.all = await readJson("/_emulator/page/models");
  models.field = modelField(models.all, (id) => openModel(id));
  byId("try").replaceChildren(make("div", { class: "card" }, models.field.element), models.place);
};

/** Shows the model of the address, or the first one. */
const showTry = async (id) => {
  await models.ready;
  if (!isOnTry()) return;
  const first = models.all.find((model) => model.id === FIRST_MODEL) ?? models.all.find(({ category }) => category === "text-to-image") ?? models.all[0];
  const wanted = id || models.open || first?.id;
  if (wanted === undefined) return;
  // The address without an id must not stay in the history, because it leads here.
  if (!id) history.replaceState(null, "", `#/try/${endpointPath(wanted)}`);
  await showModel(wanted);
};
