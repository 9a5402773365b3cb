// Node's fetch does not know the proxy of the environment, and Node 20 has no WebSocket: undici, which both come from,
// has. The client itself is as it was installed.
"use strict";
const { EnvHttpProxyAgent, WebSocket, setGlobalDispatcher } = require("undici");
const { createFalClient } = require("@fal-ai/client");

setGlobalDispatcher(new EnvHttpProxyAgent());
globalThis.WebSocket = WebSocket;

const client = (options = {}) => createFalClient({ credentials: "conformance:key", ...options });

module.exports = { client };
