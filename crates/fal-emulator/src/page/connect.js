// How programs reach the emulator, and the key of the page.

const snippet = (title, text, about) => [
  make("h2", { class: "label" }, title),
  about && make("p", { class: "faint" }, about),
  make("div", { class: "snippet" }, code(text, title), button("Copy", () => copy(text), { "aria-label": `Copy: ${title}` })),
];

const showConnect = (feed) => {
  const { url } = feed;
  const port = new URL(url).port || (url.startsWith("https") ? "443" : "80");
  const field = make("input", { type: "password", value: key.get(), autocomplete: "off", placeholder: "id:secret", oninput: () => key.set(field.value) });
  const services = ["run", "queue", "rest", "cdn", "ws", "platform"];
  const base = (name) => `${name.padEnd(9)}${name === "ws" ? url.replace(/^http/, "ws") : url}/${name}`;
  byId("connect").replaceChildren(
    make("div", { class: "card" },
      make("form", { onsubmit: (event) => event.preventDefault() }, labelled(feed.key_required ? "Key for calls from this page (required)" : "Key for calls from this page (optional: any key is accepted)", field)),
      snippet("Python", "fal-emulator -- pytest"),
      snippet("JavaScript", "fal-emulator -- node app.mjs"),
      snippet("A program in any language, unmodified", "fal-emulator -- COMMAND", "An emulator of its own answers the command in place of fal, and its key is worth nothing. The table in the README says which languages need more."),
      snippet("Rust, with fal-client and this emulator", `FAL_EMULATOR_URL=${url} cargo run`),
      snippet("JavaScript, with @fal-ai/client and this emulator", `fal.config({ credentials: "any:key", proxyUrl: { url: ${JSON.stringify(`${url}/proxy`)}, when: "always" } });`),
      snippet("curl, with this emulator", `curl ${url}/run/fal-ai/flux/dev -H 'content-type: application/json' -d '{"prompt": "a cat"}'`),
      snippet("Every program of a shell", `fal-emulator --tls --port ${port}\neval "$(fal-emulator env --port ${port})"`, "An emulator that was started with --tls also answers as fal's hosts, over https."),
      snippet("Base URLs", services.map(base).join("\n"))),
  );
};
