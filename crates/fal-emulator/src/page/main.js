// The views, and the feed that keeps them up to date.

const view = (name) => {
  for (const tab of document.querySelectorAll("[role=tab]")) tab.setAttribute("aria-selected", String(tab.dataset.view === name));
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== name;
  history.replaceState(null, "", `#${name}`);
};

const subscribe = async (id, input, show) => {
  const receipt = await call(`/queue/${id}`, { method: "POST", body: JSON.stringify(input) });
  if (!receipt.ok) return receipt;
  const { request_id: request } = await receipt.json();
  const path = `/queue/${id}/requests/${request}`;
  for (;;) {
    const status = await readJson(`${path}/status?logs=1`);
    show([make("p", { class: "faint" }, status.status === "IN_QUEUE" ? `Queued, ${status.queue_position} ahead` : status.status), status.logs?.length > 0 && make("pre", {}, status.logs.map((log) => log.message).join("\n"))]);
    if (status.status === "COMPLETED") return call(path);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

const stream = async (id, input, show) => {
  const reply = await call(`/run/${id}/stream`, { method: "POST", body: JSON.stringify(input) });
  if (!reply.ok) return reply;
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let last;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Response(JSON.stringify(last));
    rest += value;
    const events = rest.split("\n\n");
    rest = events.pop();
    for (const event of events) {
      last = JSON.parse(event.replace(/^data: /, ""));
      show([gallery(last) || pretty(last)]);
    }
  }
};

const run = (id, input) => call(`/run/${id}`, { method: "POST", body: JSON.stringify(input) });

/** Builds the form of a model and the card of its result. */
const showModel = async (id) => {
  const model = await readJson(`/_emulator/page/model?endpoint_id=${encodeURIComponent(id)}`);
  const { elements, read, mark } = fields(model);
  const result = make("div", { class: "card", "aria-live": "polite" }, make("p", { class: "empty" }, "The result appears here."));
  const show = (parts) => result.replaceChildren(...parts.filter(Boolean));
  const buttons = [];
  const send = (how) => async () => {
    const input = read();
    if (input === undefined) return;
    buttons.forEach((button) => (button.disabled = true));
    show([make("progress")]);
    result.scrollIntoView({ block: "nearest" });
    try {
      const reply = await how(id, input, show);
      const output = await reply.json();
      mark(Array.isArray(output.detail) ? output.detail : []);
      show([!reply.ok && make("p", { class: "problem" }, `${reply.status} ${reply.statusText}`), gallery(output), make("h3", {}, "Output"), pretty(output)]);
    } catch (error) {
      show([make("p", { class: "problem" }, String(error))]);
    }
    buttons.forEach((button) => (button.disabled = false));
  };
  buttons.push(
    make("button", { type: "submit", class: "main", title: "Submit to the queue and wait for the result" }, "Subscribe"),
    make("button", { type: "button", title: "Call the model directly, without the queue", onclick: send(run) }, "Run"),
  );
  if (model.streams) buttons.push(make("button", { type: "button", title: "Call the model and show previews while it runs", onclick: send(stream) }, "Stream"));
  const submit = send(subscribe);
  const form = make("form", { class: "card", noValidate: true, onsubmit: (event) => (event.preventDefault(), submit()) }, elements, make("div", { class: "row" }, buttons));
  const about = make("p", { class: "faint" }, [model.category, model.description].filter(Boolean).join(" · "));
  return [about, make("div", { class: "columns" }, form, result)];
};

const showTry = async () => {
  const models = await readJson("/_emulator/page/models");
  const place = make("div");
  const list = make("datalist", { id: "models" }, models.map(({ id, category }) => make("option", { value: id }, category)));
  const choose = async () => {
    if (models.some(({ id }) => id === search.value)) place.replaceChildren(...(await showModel(search.value)));
  };
  const label = make("h3", { id: "model-label" }, `Model: type to search ${models.length} endpoints`);
  const search = make("input", { class: "search", "aria-labelledby": "model-label", placeholder: "fal-ai/…", oninput: choose });
  search.setAttribute("list", "models");
  const first = models.find(({ category }) => category === "text-to-image") ?? models[0];
  search.value = first?.id ?? "";
  byId("try").replaceChildren(make("div", { class: "card" }, label, search, list), place);
  await choose();
};

const showConnect = (feed) => {
  const snippet = (title, text) => [make("h3", {}, title), make("pre", { tabIndex: 0 }, text)];
  const field = make("input", { type: "password", value: key.get(), autocomplete: "off", placeholder: "id:secret", oninput: () => key.set(field.value) });
  byId("connect").replaceChildren(
    make(
      "div",
      { class: "card" },
      make("form", { onsubmit: (event) => event.preventDefault() }, make("label", {}, feed.key_required ? "Key for calls from this page (required)" : "Key for calls from this page (optional: any key is accepted)", field)),
      snippet("curl", `curl ${feed.url}/run/fal-ai/flux/dev -H 'content-type: application/json' -d '{"prompt": "a cat"}'`),
      snippet("Rust, with fal-client", `FAL_EMULATOR_URL=${feed.url} cargo run`),
      snippet("Base URLs", ["run", "queue", "rest", "cdn", "ws", "platform"].map((name) => `${name.padEnd(9)}${name === "ws" ? feed.url.replace(/^http/, "ws") : feed.url}/${name}`).join("\n")),
    ),
  );
};

let connected = false;

const refresh = async () => {
  try {
    const feed = await readJson("/_emulator/page/feed");
    byId("alive").dataset.on = "true";
    byId("url").textContent = feed.url;
    showCalls(feed.calls);
    showWebhooks(feed.webhooks);
    showRequests(feed.requests);
    if (!connected) showConnect(feed);
    connected = true;
  } catch {
    byId("alive").dataset.on = "false";
  }
  setTimeout(refresh, document.hidden ? 3000 : 500);
};

for (const tab of document.querySelectorAll("[role=tab]")) tab.addEventListener("click", () => view(tab.dataset.view));
const showHash = () => {
  const name = location.hash.slice(1);
  view(document.querySelector(`[data-view="${CSS.escape(name)}"]`) ? name : "calls");
};
window.addEventListener("hashchange", showHash);
showHash();
refresh();
showTry();
