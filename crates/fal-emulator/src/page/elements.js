// Builds elements. Nothing here parses markup, so the content of calls is always shown as text.

/** Shows marks that change the direction of text as their codes. */
const visible = (text) => text.replace(/[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`);

/** Returns a text of any JSON value. Objects are never converted by their own methods. */
const textOf = (value) => (typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value));

/** Creates an element with properties, `data-…` and `aria-…` attributes, and children. */
const make = (name, properties = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.includes("-")) element.setAttribute(key, value);
    else if (key === "class") element.className = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element[key] = value;
  }
  const shown = children.flat(3).filter((child) => child !== undefined && child !== null && child !== false);
  element.append(...shown.map((child) => (child instanceof Node ? child : visible(textOf(child)))));
  return element;
};

const byId = (id) => document.getElementById(id);

const pretty = (value) => make("pre", { tabIndex: 0 }, JSON.stringify(value, null, 2));

const clock = (iso) => new Date(iso).toLocaleTimeString();

const duration = (seconds) => (seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`);

/** Replaces the content of an element. The focus stays at its place in it. */
const fill = (element, ...parts) => {
  const focusable = () => [...element.querySelectorAll("a, button, pre, audio, video, input")];
  const index = focusable().indexOf(document.activeElement);
  element.replaceChildren(...parts.flat(3).filter(Boolean));
  if (index < 0) return;
  const now = focusable();
  (now[Math.min(index, now.length - 1)] ?? element.closest("details")?.querySelector("summary"))?.focus({ preventScroll: true });
};

/** Calls a function. If it fails, `element` says so; nothing else on the page is affected. */
const guarded = (element, draw) => {
  try {
    draw();
  } catch (error) {
    element.replaceChildren(make("p", { class: "problem" }, `This cannot be shown: ${error.message}`));
  }
};

/** The key that the page calls with, kept until the tab is closed. */
const key = {
  get: () => sessionStorage.getItem("key") ?? "",
  set: (value) => sessionStorage.setItem("key", value),
};

const call = async (path, options = {}) => {
  const headers = { "content-type": "application/json", ...options.headers };
  if (key.get()) headers.authorization = `Key ${key.get()}`;
  return fetch(path, { ...options, headers });
};

const readJson = async (path) => (await call(path)).json();

/** Returns the path of an endpoint, whose id may contain any character. */
const endpointPath = (id) => id.split("/").map(encodeURIComponent).join("/");
