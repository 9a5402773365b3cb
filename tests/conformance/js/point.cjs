// Makes the client use the proxy of the environment. Node's fetch ignores it and Node 20 has no WebSocket, but undici,
// which implements both, supports it. The client itself is unchanged.
"use strict";
const { EnvHttpProxyAgent, WebSocket, setGlobalDispatcher } = require("undici");
const { createFalClient } = require("@fal-ai/client");

setGlobalDispatcher(new EnvHttpProxyAgent());
globalThis.WebSocket = WebSocket;

const client = (options = {}) => createFalClient({ credentials: "conformance:key", ...options });

module.exports = { client };
