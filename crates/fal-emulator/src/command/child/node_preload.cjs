// Loaded by Node before the program: sends connections to fal's hosts to the emulator, whatever opens them. Versions
// without NODE_USE_ENV_PROXY, WebSocket packages and HTTP clients with agents of their own ignore the proxy variables.
"use strict";
(() => {
  const target = process.env.FAL_EMULATOR_URL;
  if (!target) return;
  let url;
  try {
    url = new URL(target);
  } catch {
    return;
  }
  const net = require("node:net");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  const isFal = (name) => typeof name === "string" && /(^|\.)(fal\.run|falrun\.com|fal\.ai|fal\.media)\.?$/i.test(name);
  const mark = Symbol.for("fal-emulator.preload");
  const { connect } = net.Socket.prototype;
  if (connect[mark]) return;

  /** Returns options that lead to the emulator. They are a copy: TLS checks the certificate by the original name. */
  const redirected = (options) => {
    const { lookup, path, localAddress, family, ...rest } = options;
    return { ...rest, host, port };
  };

  const patched = function (...given) {
    const [first, second] = given;
    // Node itself passes a list of the options and the callback, which it marks by a symbol.
    if (Array.isArray(first) && isFal(first[0]?.host)) {
      const list = Object.assign([redirected(first[0]), ...first.slice(1)], {});
      for (const symbol of Object.getOwnPropertySymbols(first)) list[symbol] = first[symbol];
      given[0] = list;
    } else if (first !== null && typeof first === "object" && !Array.isArray(first) && isFal(first.host)) {
      given[0] = redirected(first);
    } else if (isFal(second)) {
      given[0] = port;
      given[1] = host;
    }
    return connect.apply(this, given);
  };
  patched[mark] = true;
  net.Socket.prototype.connect = patched;
})();
