// Builds elements. Nothing here parses markup, so the content of calls is always shown as text.

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
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
};

const byId = (id) => document.getElementById(id);

const pretty = (value) => make("pre", { tabIndex: 0 }, JSON.stringify(value, null, 2));

const clock = (iso) => new Date(iso).toLocaleTimeString();

const duration = (seconds) => (seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`);

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
