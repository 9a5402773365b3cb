// Measures @fal-ai/client.
"use strict";
const assert = require("node:assert/strict");
const { createFalClient } = require("@fal-ai/client");

const [url, scale] = [process.argv[2], Number(process.argv[3])];
const MODEL = "acme/app/edit";
const AT_ONCE = 64;
const CALLS = Math.round(1000 * scale);
const ROUNDS = Math.max(1, Math.round(8 * scale));
const CALL = { prompt: "a cat reading a map", takes: 0, bytes: 0 };
const JOB = { ...CALL, takes: 200 };

// The package has no setting for hosts; it has one for what becomes of a request.
const hosts = [["https://queue.fal.run/", `${url}/queue/`], ["https://fal.run/", `${url}/run/`]];
const client = createFalClient({
  credentials: "id:secret",
  requestMiddleware: async (request) => {
    const [from, to] = hosts.find(([host]) => request.url.startsWith(host));
    return { ...request, url: request.url.replace(from, to) };
  },
});

const run = async () => assert.equal((await client.run(MODEL, { input: CALL })).data.seed, 42);
const runs = async (count) => {
  for (let n = 0; n < count; n++) await run();
};
const subscribe = async () => {
  const start = performance.now();
  assert.equal((await client.subscribe(MODEL, { input: JOB })).data.seed, 42);
  return performance.now() - start;
};
const many = (call) => Promise.all(Array.from({ length: AT_ONCE }, call));
const rate = async (callers) => {
  const each = Math.floor(CALLS / callers);
  const start = performance.now();
  await Promise.all(Array.from({ length: callers }, () => runs(each)));
  return (each * callers * 1000) / (performance.now() - start);
};

(async () => {
  // The first round makes the connections.
  await many(subscribe);
  const [sequential, concurrent] = [await rate(1), await rate(AT_ONCE)];
  let times = [];
  for (let n = 0; n < ROUNDS; n++) times = times.concat(await many(subscribe));
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.round((times.length - 1) * share)];
  console.log(JSON.stringify({
    "client: run, one after the other": sequential,
    "client: run, 64 at once": concurrent,
    "client: 64 subscribes to jobs of 200 ms, p50": at(0.5),
    "client: 64 subscribes to jobs of 200 ms, p99": at(0.99),
  }));
})();
