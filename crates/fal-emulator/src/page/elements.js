// Builds elements. Nothing here parses markup, so the content of calls is always shown as text.

/** Shows marks that change the direction of text as their codes. */
const visible = (text) => text.replace(/[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g, escapeMark);

const escapeMark = (mark) => `\\u${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

/** Returns a text of any JSON value. Objects are never converted by their own methods. */
const textOf = (value) => (typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value));

const isPart = (child) => child !== undefined && child !== null && child !== false;

/** Creates an element with properties, `data-…` and `aria-…` attributes, and children. */
const make = (name, properties = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "role" || key === "for" || key.includes("-")) element.setAttribute(key, value);
    else if (key === "class") element.className = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element[key] = value;
  }
  const shown = children.flat(4).filter(isPart);
  element.append(...shown.map((child) => (child instanceof Node ? child : visible(textOf(child)))));
  return element;
};

const button = (text, onclick, properties = {}) => make("button", { type: "button", onclick, ...properties }, text);

const byId = (id) => document.getElementById(id);

let lastId = 0;

/** Returns an id that no other element has. */
const newId = () => `part-${(lastId += 1)}`;

/** Shows text as it is, in a box that the keyboard can scroll. */
const code = (text, label) => make("pre", { tabIndex: 0, role: "region", "aria-label": label }, text);

const pretty = (value, label) => code(JSON.stringify(value, null, 2), label);

const clock = (iso) => new Date(iso).toLocaleTimeString();

const duration = (seconds) => {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
};

/** Replaces the content of an element. The focus stays at its place in it. */
const fill = (element, ...parts) => {
  const focusable = () => [...element.querySelectorAll("a, button, pre, audio, video, input, select, textarea, summary")];
  const index = focusable().indexOf(document.activeElement);
  element.replaceChildren(...parts.flat(4).filter(isPart));
  if (index < 0) return;
  const now = focusable();
  (now[Math.min(index, now.length - 1)] ?? element.closest("details")?.querySelector("summary"))?.focus({ preventScroll: true });
};

const problem = (text) => make("p", { class: "problem" }, text);

/** Calls a function. If it fails, `element` says so; nothing else on the page is affected. */
const guarded = (element, draw) => {
  try {
    draw();
  } catch (error) {
    element.replaceChildren(problem(`This cannot be shown: ${error.message}`));
  }
};

/** Says something to screen readers, and in a line at the bottom of the window. */
const announce = (text) => {
  const place = byId("said");
  place.textContent = text;
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => (place.textContent = ""), 4000);
};

/** Copies by the means of old browsers, which need neither localhost nor https. */
const copySelected = (text) => {
  const place = make("textarea", { value: text, "aria-hidden": "true" });
  const focused = document.activeElement;
  document.body.append(place);
  place.select();
  const copied = document.execCommand("copy");
  place.remove();
  focused?.focus();
  return copied;
};

const copy = async (text) => {
  let copied;
  try {
    await navigator.clipboard.writeText(text);
    copied = true;
  } catch {
    copied = copySelected(text);
  }
  announce(copied ? "Copied" : "This browser does not let the page copy. Select the text to copy it.");
};

/** The key that the page calls with, kept until the tab is closed. */
const key = {
  get: () => sessionStorage.getItem("key") ?? "",
  set: (value) => sessionStorage.setItem("key", value),
};

/** Sends a request to the emulator, with the key. */
const call = async (path, options = {}) => {
  const headers = { "content-type": "application/json", ...options.headers };
  if (key.get()) headers.authorization = `Key ${key.get()}`;
  return fetch(path, { ...options, headers });
};

const readJson = async (path) => (await call(path)).json();

const post = (path, body, headers) => call(path, { method: "POST", body, headers });

/** Returns the path of an endpoint, whose id may contain any character. */
const endpointPath = (id) => id.split("/").map(encodeURIComponent).join("/");
