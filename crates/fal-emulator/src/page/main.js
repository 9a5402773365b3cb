// The views, and the feed that keeps them up to date.

const tabs = () => [...document.querySelectorAll("[role=tab]")];

const view = (name) => {
  for (const tab of tabs()) {
    const chosen = tab.dataset.view === name;
    tab.setAttribute("aria-selected", String(chosen));
    // One stop for the Tab key; arrow keys move within.
    tab.tabIndex = chosen ? 0 : -1;
  }
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== name;
  // No element has this name, so that the Tab key still starts at the top of the page.
  history.replaceState(null, "", `#/${name}`);
};

/** Moves to another tab by keyboard. */
const moveTab = (event) => {
  const all = tabs();
  const index = all.indexOf(document.activeElement);
  const last = all.length - 1;
  const target = { ArrowRight: index === last ? 0 : index + 1, ArrowLeft: index === 0 ? last : index - 1, Home: 0, End: last }[event.key];
  if (index < 0 || target === undefined) return;
  event.preventDefault();
  view(all[target].dataset.view);
  all[target].focus();
};

const subscribe = async (id, input, show) => {
  const receipt = await call(`/queue/${endpointPath(id)}`, { method: "POST", body: JSON.stringify(input) });
  if (!receipt.ok) return receipt;
  const { request_id: request } = await receipt.json();
  const path = `/queue/${endpointPath(id)}/requests/${request}`;
  for (;;) {
    const status = await readJson(`${path}/status?logs=1`);
    show([make("p", { class: "faint" }, status.status === "IN_QUEUE" ? `Queued, ${status.queue_position} ahead` : status.status), status.logs?.length > 0 && make("pre", {}, status.logs.map((log) => log.message).join("\n"))]);
    if (status.status === "COMPLETED") return call(path);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

const stream = async (id, input, show) => {
  const reply = await call(`/run/${endpointPath(id)}/stream`, { method: "POST", body: JSON.stringify(input) });
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

const run = (id, input) => call(`/run/${endpointPath(id)}`, { method: "POST", body: JSON.stringify(input) });

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
      mark(Array.isArray(output?.detail) ? output.detail : []);
      show([!reply.ok && make("p", { class: "problem" }, `${reply.status} ${reply.statusText}`), gallery(output), make("h3", {}, "Output"), pretty(output)]);
    } catch (error) {
      show([make("p", { class: "problem" }, error.message)]);
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
  const texts = [model.category, model.description].filter((text) => text && typeof text === "string");
  const about = make("p", { class: "faint about", tabIndex: 0 }, texts.join(" · "));
  return [about, make("div", { class: "columns" }, form, result)];
};

const showTry = async () => {
  const models = await readJson("/_emulator/page/models");
  const place = make("div");
  const list = make("datalist", { id: "models" }, models.map(({ id, category }) => make("option", { value: id }, category)));
  const choose = async () => {
    if (!models.some(({ id }) => id === search.value)) return;
    try {
      place.replaceChildren(...(await showModel(search.value)));
    } catch (error) {
      place.replaceChildren(make("p", { class: "problem" }, `The form cannot be shown: ${error.message}`));
    }
  };
  const label = make("h2", { id: "model-label", class: "label" }, `Model: type to search ${models.length} endpoints`);
  const search = make("input", { class: "search", "aria-labelledby": "model-label", placeholder: "fal-ai/…", oninput: choose });
  search.setAttribute("list", "models");
  const first = models.find(({ category }) => category === "text-to-image") ?? models[0];
  search.value = first?.id ?? "";
  byId("try").replaceChildren(make("div", { class: "card" }, label, search, list), place);
  await choose();
};

const showConnect = (feed) => {
  const snippet = (title, text) => [make("h2", { class: "label" }, title), make("pre", { tabIndex: 0 }, text)];
  const field = make("input", { type: "password", value: key.get(), autocomplete: "off", placeholder: "id:secret", oninput: () => key.set(field.value) });
  byId("connect").replaceChildren(
    make(
      "div",
      { class: "card" },
      make("form", { onsubmit: (event) => event.preventDefault() }, make("label", {}, feed.key_required ? "Key for calls from this page (required)" : "Key for calls from this page (optional: any key is accepted)", field)),
      snippet("A program in any language, unmodified", "fal-emulator -- python app.py"),
      snippet("curl", `curl ${feed.url}/run/fal-ai/flux/dev -H 'content-type: application/json' -d '{"prompt": "a cat"}'`),
      snippet("Rust, with fal-client", `FAL_EMULATOR_URL=${feed.url} cargo run`),
      snippet("Base URLs", ["run", "queue", "rest", "cdn", "ws", "platform"].map((name) => `${name.padEnd(9)}${name === "ws" ? feed.url.replace(/^http/, "ws") : feed.url}/${name}`).join("\n")),
    ),
  );
};

/** Shows if the emulator answers. Changes are announced to screen readers. */
const showConnection = (on) => {
  const alive = byId("alive");
  const text = on ? "Connected" : "Not connected";
  if (alive.textContent === text) return;
  alive.textContent = text;
  alive.dataset.on = String(on);
};

let isFirst = true;

const showFeed = (feed) => {
  if (byId("url").textContent !== feed.url) byId("url").textContent = feed.url;
  for (const [name, show] of [["calls", showCalls], ["webhooks", showWebhooks], ["requests", showRequests]]) {
    show(feed[name]);
    showCount(name, feed[name], feed.totals[name]);
  }
  if (isFirst) showConnect(feed);
  isFirst = false;
};

const refresh = async () => {
  let feed;
  try {
    const reply = await call("/_emulator/page/feed");
    feed = reply.ok ? await reply.json() : undefined;
  } catch {
    // The emulator is gone, which the next line shows.
  }
  showConnection(feed !== undefined);
  if (feed !== undefined) guarded(byId("trouble"), () => (showFeed(feed), byId("trouble").replaceChildren()));
  setTimeout(refresh, document.hidden ? 3000 : 500);
};

for (const tab of tabs()) tab.addEventListener("click", () => view(tab.dataset.view));
document.querySelector("[role=tablist]").addEventListener("keydown", moveTab);
const showHash = () => {
  const name = location.hash.replace(/^#\/?/, "");
  view(document.querySelector(`[data-view="${CSS.escape(name)}"]`) ? name : "calls");
};
window.addEventListener("hashchange", showHash);
showHash();
refresh();
showTry();
