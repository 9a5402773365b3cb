// Loaded by Bun before the program: its WebSockets ignore the proxy variables.
"use strict";
(() => {
  const target = process.env.FAL_EMULATOR_URL;
  if (!target || typeof Bun === "undefined") return;
  const prefixes = { "fal.run": "/run", "ws.fal.run": "/ws" };
  const Original = globalThis.WebSocket;

  /** Returns the URL of the emulator for a URL of fal. */
  const redirected = (given) => {
    let url;
    let own;
    try {
      url = new URL(given);
      own = new URL(target);
    } catch {
      return given;
    }
    if (!Object.hasOwn(prefixes, url.hostname)) return given;
    own.protocol = own.protocol === "https:" ? "wss:" : "ws:";
    own.pathname = prefixes[url.hostname] + url.pathname;
    own.search = url.search;
    return own.href;
  };

  globalThis.WebSocket = class WebSocket extends Original {
    constructor(url, ...rest) {
      super(redirected(String(url)), ...rest);
    }
  };
})();
