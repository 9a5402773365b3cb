// Runs every operation with @fal-ai/client.
"use strict";
const assert = require("node:assert/strict");
const { openAsBlob, mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { createHash, createPublicKey, randomBytes, verify } = require("node:crypto");
const { createServer } = require("node:http");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { client } = require("./point.cjs");
const { download, isGoneAfter, isPicture, main, operation, rejects, sameBytes } = require("./report.cjs");

const MODEL = "acme/painter/fast";
// A picture of one pixel.
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
const LIVE = "acme/live";
const UNKNOWN = "00000000-0000-0000-0000-000000000000";
const input = { prompt: "a cat", seed: 7, width: 40, height: 30 };
const ORDER = ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"];

const isOutput = (output) => {
  assert.deepEqual([output.seed, output.prompt], [7, "a cat"]);
  assert.deepEqual([output.images[0].width, output.images[0].height], [40, 30]);
};
const areStates = (states) => {
  const names = states.map((state) => state.status);
  assert.equal(names.at(-1), "COMPLETED", String(names));
  assert.deepEqual(names, names.toSorted((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b)));
};
const areLogs = (logs) =>
  assert.deepEqual(logs.map((log) => log.message), [1, 2, 3, 4].map((n) => `fal-emulator: step ${n} of 4`));
/** Returns bytes whose parts all differ. The client uploads files over 90 MiB in parts. */
const large = () => {
  const bytes = Buffer.alloc(91 * 1024 * 1024 + 17, randomBytes(1024));
  for (let at = 0; at < bytes.length - 4; at += 1 << 20) bytes.writeUInt32BE(at, at);
  return bytes;
};

operation("run", async () => {
  const { data, requestId } = await client().run(MODEL, { input });
  isOutput(data);
  await isPicture(data);
  assert.match(requestId, /^[0-9a-f-]{36}$/);
});

operation("run: start timeout", async () => {
  isOutput((await client().run(MODEL, { input, startTimeout: 30 })).data);
});

operation("run: lifecycle", async () => {
  const output = (await client().run(MODEL, { input, storageSettings: { expiresIn: 1 } })).data;
  isOutput(output);
  await isPicture(output);
  await isGoneAfter(output.images[0].url, 1200);
});

operation("run: a file", async () => {
  const image_url = new Blob([PNG], { type: "image/png" });
  isOutput((await client().run(MODEL, { input: { ...input, image_url } })).data);
});

operation("submit", async () => {
  const options = { input, priority: "low", hint: "warm", startTimeout: 45, headers: { "X-Custom": "1" } };
  const { queue } = client();
  const receipt = await queue.submit(MODEL, options);
  assert.equal(receipt.status, "IN_QUEUE");
  assert.match(receipt.status_url, /\/acme\/painter\/requests\//);
  await queue.subscribeToStatus(MODEL, { requestId: receipt.request_id, pollInterval: 20 });
  isOutput((await queue.result(MODEL, { requestId: receipt.request_id })).data);
});

operation("status", async () => {
  const { queue } = client();
  const { request_id: requestId } = await queue.submit(MODEL, { input });
  const first = await queue.status(MODEL, { requestId });
  assert.ok(ORDER.slice(0, 2).includes(first.status), first.status);
  const done = await queue.subscribeToStatus(MODEL, { requestId, logs: true, pollInterval: 20 });
  assert.ok(done.metrics.inference_time > 0);
  areLogs((await queue.status(MODEL, { requestId, logs: true })).logs);
  assert.equal((await queue.status(MODEL, { requestId })).logs, null, "logs without being asked for");
  isOutput((await queue.result(MODEL, { requestId })).data);
  await rejects(() => queue.status(MODEL, { requestId: UNKNOWN }), { status: 404 });
});

operation("iter_events", async () => {
  const { queue } = client();
  const { request_id: requestId } = await queue.submit(MODEL, { input });
  const stream = await queue.streamStatus(MODEL, { requestId, logs: true });
  const states = [];
  stream.on("data", (state) => states.push(state));
  await stream.done();
  areStates(states);
  areLogs(states.flatMap((state) => state.logs ?? []));
});

operation("result", async () => {
  const { queue } = client();
  const { request_id: requestId } = await queue.submit(MODEL, { input });
  await rejects(() => queue.result(MODEL, { requestId }), { status: 400 });
  await queue.subscribeToStatus(MODEL, { requestId, pollInterval: 20 });
  const result = await queue.result(MODEL, { requestId });
  isOutput(result.data);
  assert.equal(result.requestId, requestId);
  await rejects(() => queue.result(MODEL, { requestId: UNKNOWN }), { status: 404 });
});

operation("cancel", async () => {
  const { queue } = client();
  const { request_id: requestId } = await queue.submit(MODEL, { input });
  await queue.cancel(MODEL, { requestId });
  await rejects(() => queue.cancel(MODEL, { requestId }), { status: 400, body: { status: "ALREADY_COMPLETED" } });
  await rejects(() => queue.result(MODEL, { requestId }), { status: 499 });
  await rejects(() => queue.cancel(MODEL, { requestId: UNKNOWN }), { status: 404 });
});

operation("subscribe", async () => {
  const { data, requestId } = await client().subscribe(MODEL, { input });
  isOutput(data);
  assert.match(requestId, /^[0-9a-f-]{36}$/);
});

operation("subscribe: logs", async () => {
  const states = [];
  const ids = [];
  const options = { input, logs: true, pollInterval: 20, onEnqueue: (id) => ids.push(id) };
  isOutput((await client().subscribe(MODEL, { ...options, onQueueUpdate: (state) => states.push(state) })).data);
  areStates(states);
  areLogs(states.at(-1).logs);
  assert.equal(ids.length, 1);
});

operation("subscribe: status stream", async () => {
  const states = [];
  const options = { input, logs: true, mode: "streaming", onQueueUpdate: (state) => states.push(state) };
  isOutput((await client().subscribe(MODEL, options)).data);
  areStates(states);
  areLogs(states.at(-1).logs);
});

operation("submit: webhook", async () => {
  const receiver = createServer();
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const delivery = new Promise((resolve) => {
    receiver.on("request", async (request, reply) => {
      const body = Buffer.concat(await request.toArray());
      reply.end();
      resolve({ headers: request.headers, body });
    });
  });
  const webhookUrl = `http://127.0.0.1:${receiver.address().port}/hook?a=b%20c`;
  const { request_id } = await client().queue.submit(MODEL, { input, webhookUrl });
  const { headers, body } = await delivery;
  receiver.close();
  const event = JSON.parse(body);
  assert.deepEqual([event.request_id, event.status], [request_id, "OK"]);
  isOutput(event.payload);

  // Verifies the signature as fal's documentation describes.
  const { keys } = await (await fetch("https://rest.fal.ai/.well-known/jwks.json")).json();
  const part = (name) => headers[`x-fal-webhook-${name}`];
  const sum = createHash("sha256").update(body).digest("hex");
  const message = Buffer.from([part("request-id"), part("user-id"), part("timestamp"), sum].join("\n"));
  const signature = Buffer.from(part("signature"), "hex");
  const isSigned = ({ x }) =>
    verify(null, message, createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" }), signature);
  assert.ok(keys.some(isSigned), "no key verifies the signature");
  assert.ok(Math.abs(Date.now() / 1000 - Number(part("timestamp"))) < 300);
});

operation("stream", async () => {
  const stream = await client().stream(MODEL, { input });
  const events = [];
  for await (const event of stream) events.push(event);
  const last = await stream.done();
  assert.equal(events.length, 5);
  events.forEach(isOutput);
  assert.deepEqual(events.at(-1), last);
  assert.equal(new Set(events.map((event) => event.images[0].url)).size, 5);
  for (const event of events) await isPicture(event);
});

operation("stream: with a token", async () => {
  const stream = await client().stream(MODEL, { input, connectionMode: "client" });
  isOutput(await stream.done());
});

operation("stream: refused input", async () => {
  const stream = await client().stream(MODEL, { input: {} });
  await rejects(() => stream.done(), { status: 422 });
});

const connect = (options) => {
  const heard = [];
  let wake = () => {};
  const hear = (kind) => (what) => (heard.push([kind, what]), wake());
  const connection = client().realtime.connect(LIVE, {
    throttleInterval: 0,
    ...options,
    onResult: hear("result"),
    onError: hear("error"),
  });
  const next = async () => {
    while (heard.length === 0) await new Promise((resolve) => (wake = resolve));
    return heard.shift();
  };
  return { connection, next };
};

operation("realtime", async () => {
  const { connection, next } = connect({ connectionKey: "plain" });
  for (let n = 0; n < 5; n += 1) {
    connection.send({ prompt: "hi", n });
    const [kind, frame] = await next();
    assert.equal(kind, "result", frame?.message);
    assert.deepEqual([frame.prompt, frame.n], ["hi", n]);
    assert.equal(Buffer.from(frame.image).subarray(1, 4).toString(), "PNG");
  }
});

operation("realtime: key, buffering", async () => {
  const { connection, next } = connect({ connectionKey: "buffered", maxBuffering: 5 });
  connection.send({ prompt: "hi", n: 1 });
  assert.equal((await next())[1].n, 1);
});

operation("realtime: refused input", async () => {
  const { connection, next } = connect({ connectionKey: "refused" });
  connection.send({ prompt: 3 });
  const [kind, error] = await next();
  assert.equal(kind, "error");
  assert.match(error.message, /^INTERNAL_ERROR: 1 validation error for LiveInput/);
});

operation("realtime: close", async () => {
  const { connection, next } = connect({ connectionKey: "closed" });
  connection.send({ prompt: "hi", n: 1 });
  assert.equal((await next())[0], "result");
  connection.close();
  const spurious = await Promise.race([next(), new Promise((resolve) => setTimeout(resolve, 300))]);
  assert.equal(spurious, undefined, `close() was reported as an error: ${spurious?.[1]?.message} ${spurious?.[1]?.status}`);
});

operation("upload", async () => {
  const { storage } = client();
  const url = await storage.upload(new File(["\x89PNG-data"], "cat.png", { type: "image/png" }));
  assert.ok(url.endsWith("/cat.png"), url);
  await sameBytes(url, Buffer.from("\x89PNG-data"));
});

operation("upload: without a name", async () => {
  const url = await client().storage.upload(new Blob(["text"], { type: "text/plain" }));
  await sameBytes(url, Buffer.from("text"));
});

operation("upload: by the REST service", async () => {
  const url = await client().storage.upload(new File(["x"], "n.txt", { type: "text/plain" }));
  await sameBytes(url, Buffer.from("x"));
});

operation("upload: file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  try {
    writeFileSync(join(folder, "notes.txt"), "what was noted");
    const file = await openAsBlob(join(folder, "notes.txt"), { type: "text/plain" });
    await sameBytes(await client().storage.upload(file), Buffer.from("what was noted"));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

operation("upload: name that is not ASCII", async () => {
  const url = await client().storage.upload(new File(["x"], "größe.txt", { type: "text/plain" }));
  await sameBytes(url, Buffer.from("x"));
});

operation("upload: lifecycle", async () => {
  const lifecycle = { expiresIn: "1h", initialAcl: { default: "hide" } };
  const url = await client().storage.upload(new File(["x"], "n.txt", { type: "text/plain" }), { lifecycle });
  assert.equal((await download(url)).status, 404);
  const short = await client().storage.upload(new File(["x"], "n.txt", { type: "text/plain" }), { lifecycle: { expiresIn: 1 } });
  await sameBytes(short, Buffer.from("x"));
  await isGoneAfter(short, 1200);
});

operation("upload: multipart", async () => {
  const bytes = large();
  await sameBytes(await client().storage.upload(new File([bytes], "big.bin")), bytes);
});

operation("upload: multipart file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  try {
    const bytes = large();
    writeFileSync(join(folder, "big.bin"), bytes);
    await sameBytes(await client().storage.upload(await openAsBlob(join(folder, "big.bin"))), bytes);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

operation("error: validation", async () => {
  const error = await rejects(() => client().run(MODEL, { input: { prompt: "", width: 0 } }), { status: 422 });
  assert.equal(error.name, "ValidationError");
  assert.equal(error.getFieldErrors("width")[0].type, "greater_than_equal");
  assert.match(error.requestId, /^[0-9a-f-]{36}$/);
  await rejects(() => client().subscribe(MODEL, { input: {} }), { status: 422 });
});

operation("error: unknown app", async () => {
  await rejects(() => client().run("no/such-app", { input }), { status: 404 });
  await rejects(() => client().queue.submit("no/such-app", { input }), { status: 404 });
});

operation("error: wrong key", async () => {
  const wrong = client({ credentials: "wrong:key" });
  await rejects(() => wrong.run(MODEL, { input }), { status: 401 });
  await rejects(() => wrong.queue.submit(MODEL, { input }), { status: 401 });
});

operation("timeout: start", async () => {
  const options = { input, startTimeout: 1.1 };
  const error = await rejects(() => client().subscribe(MODEL, options), { status: 504 });
  assert.deepEqual([error.timeoutType, error.isUserTimeout], ["user", true]);
});

operation("timeout: run", async () => {
  const error = await rejects(() => client().run(MODEL, { input, startTimeout: 1.1 }), { status: 504 });
  assert.deepEqual([error.timeoutType, error.isUserTimeout], ["user", true]);
});

operation("priority", async () => {
  const { queue } = client();
  const positions = [];
  for (const priority of ["normal", "low"]) {
    const { request_id: requestId } = await queue.submit(MODEL, { input, priority });
    positions.push((await queue.status(MODEL, { requestId })).queue_position);
  }
  assert.deepEqual(positions, [2, 4]);
});

operation("timeout: client", async () => {
  const slow = client();
  let requestId;
  const options = { input, startTimeout: 60, timeout: 1100, pollInterval: 100, onEnqueue: (id) => (requestId = id) };
  const error = await rejects(() => slow.subscribe(MODEL, options), {});
  assert.match(error.message, /Client timed out/);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await rejects(() => slow.queue.cancel(MODEL, { requestId }), { status: 400 });
});

main();
