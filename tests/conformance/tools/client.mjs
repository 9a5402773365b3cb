// Calls fal by its own client in whatever runtime runs this: direct, through the queue, with an upload, and by realtime.
import assert from "node:assert/strict";
import { fal } from "@fal-ai/client";

fal.config({ credentials: process.env.FAL_KEY });
const input = { prompt: "a cat", image_size: { width: 64, height: 64 }, output_format: "png" };
const direct = await fal.run("fal-ai/flux/dev", { input });
const picture = new Uint8Array(await (await fetch(direct.data.images[0].url)).arrayBuffer());
assert.equal(String.fromCharCode(...picture.slice(1, 4)), "PNG");
const queued = await fal.subscribe("fal-ai/flux/dev", { input, logs: true });
assert.equal(queued.data.images[0].width, 64);
const url = await fal.storage.upload(new Blob([picture], { type: "image/png" }));
assert.equal((await (await fetch(url)).arrayBuffer()).byteLength, picture.length);

// Node 20 has no WebSocket of its own.
if (globalThis.WebSocket) {
  const output = await new Promise((resolve, reject) => {
    const connection = fal.realtime.connect("fal-ai/flux-2/klein/realtime", { throttleInterval: 0, onResult: (result) => resolve([connection, result]), onError: reject });
    connection.send({ prompt: "a cat", image_url: url });
  });
  assert.ok(output[1].images.length > 0);
  output[0].close();
}
process.exit(0);
