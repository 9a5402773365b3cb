// Opens a realtime connection by the package ws, which takes no proxy.
import assert from "node:assert/strict";
import WebSocket from "ws";

const socket = new WebSocket("wss://fal.run/fal-ai/flux-2/klein/realtime", { headers: { authorization: `Key ${process.env.FAL_KEY}` } });
const picture = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const message = await new Promise((resolve, reject) => {
  socket.on("open", () => socket.send(JSON.stringify({ prompt: "a cat", image_url: picture })));
  socket.on("message", (data) => resolve(JSON.parse(data.toString())));
  socket.on("error", reject);
});
assert.ok(message.images.length > 0);
socket.close();
