// Points the installed @fal-ai/client at an emulator, without touching its code: by its option `fetch`, and by a
// WebSocket that rewrites URLs.
"use strict";
const { createFalClient } = require("@fal-ai/client");
const Socket = require("ws");

const services = (urls) => [
  ["https://queue.fal.run/", `${urls.queue}/`],
  ["https://fal.run/", `${urls.run}/`],
  ["https://rest.fal.ai/", `${urls.rest}/`],
  ["https://v3.fal.media/", `${urls.cdn}/`],
  ["wss://fal.run/", `${urls.ws}/`],
];

const rewrite = (urls, url) => {
  const text = String(url);
  const found = services(urls).find(([from]) => text.startsWith(from));
  return found ? found[1] + text.slice(found[0].length) : text;
};

/** A client of the emulator that an environment variable describes. */
const client = (name = "CONFORMANCE_FAST", options = {}) => {
  const urls = JSON.parse(process.env[name]);
  globalThis.WebSocket = class extends Socket {
    constructor(url, protocols) {
      super(rewrite(urls, url), protocols);
    }
  };
  return createFalClient({
    credentials: "conformance:key",
    fetch: (url, init) => fetch(rewrite(urls, url), init),
    ...options,
  });
};

module.exports = { client };
