// Run with `fal-emulator -- npx vitest run`: the tests must not see one another.

import { createFalClient, fal as client } from "@fal-ai/client";
import { EmulatorError, ExpectationError, openScope } from "fal-emulator";
import { test } from "fal-emulator/vitest";
import { describe, expect, vi } from "vitest";

const MODEL = "fal-ai/flux/dev";
const input = { prompt: "a cat", image_size: { width: 16, height: 16 } };

// The clients of an app live as long as the program.
const ofApp = createFalClient();

for (let number = 0; number < 3; number++) {
  test(`a client of an app calls the scope of test ${number}`, async ({ fal }) => {
    await fal.reply(MODEL, { images: [], seed: number });
    expect((await ofApp.subscribe(MODEL, { input })).data.seed).toBe(number);
    await fal.expect({ kind: "submit", count: 1 });
  });
}

test("the key of a scope that has ended is refused", async () => {
  const scope = await openScope();
  const client = createFalClient({ credentials: scope.key });
  expect((await client.run(MODEL, { input })).data.images.length).toBe(1);
  await scope.close();
  await expect(client.run(MODEL, { input })).rejects.toMatchObject({ status: 401 });
});

for (let number = 0; number < 6; number++) {
  test(`test ${number} has its own outcomes and requests`, async ({ fal }) => {
    await fal.reply(MODEL, { images: [], seed: number }, { times: 1 });
    expect((await client.subscribe(MODEL, { input })).data.seed).toBe(number);
    expect((await client.subscribe(MODEL, { input })).data.images.length).toBe(1);
    const submits = await fal.expect({ kind: "submit", json: { prompt: "a cat" }, count: 2, status: 200 });
    expect(submits.length).toBe(2);
    expect((await fal.requests({ kind: "submit" })).length).toBe(2);
  });
}

describe.concurrent("tests at the same time", () => {
  for (const number of [422, 423, 424, 425]) {
    test.concurrent(`fail with ${number}`, async ({ fal, expect }) => {
      await fal.fail(MODEL, number, { detail: "no" }, { times: 1 });
      const own = createFalClient({ credentials: fal.key });
      await expect(own.run(MODEL, { input })).rejects.toMatchObject({ status: number });
    });
  }
});

test("the clock moves", async ({ fal }) => {
  await fal.endpoint(MODEL, { pace: { run: 3600 } });
  const { request_id: requestId } = await client.queue.submit(MODEL, { input });
  expect((await client.queue.status(MODEL, { requestId })).status).not.toBe("COMPLETED");
  await fal.advance(4000);
  expect((await client.queue.status(MODEL, { requestId })).status).toBe("COMPLETED");
});

test("a misspelt model is a warning, and a failure without a body has a reason", async ({ fal }) => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  await fal.fail("fal-ai/flux/devv", 500);
  expect(warn.mock.calls.flat().join()).toMatch(/about fal-ai\/flux\/devv, which no document describes. Similar: fal-ai\/flux\/dev/);
  warn.mockRestore();
  await fal.fail(MODEL, 500, undefined, { times: 1 });
  await expect(client.run(MODEL, { input })).rejects.toMatchObject({ body: { detail: "Internal Server Error" } });
});

test("rules and archives", async ({ fal }) => {
  await fal.rule({ kind: "run", respond: { status: 418, json: { detail: "tea" } } });
  await expect(client.run(MODEL, { input })).rejects.toMatchObject({ status: 418 });
  const { entries } = (await fal.har()).log;
  expect(entries.map((entry) => entry.response.status)).toEqual([418]);
});

test("accounts are locked and limited, and contents flagged", async ({ fal }) => {
  await fal.lockAccount();
  await expect(client.run(MODEL, { input })).rejects.toMatchObject({
    status: 403, body: { detail: expect.stringMatching(/^User is locked. Reason: Exhausted balance/) },
  });
  await fal.unlockAccount();
  await fal.rateLimit(1);
  await client.run(MODEL, { input });
  const runs = await fal.expect({ kind: "run", count: 3 });
  expect(runs.map((run) => run.response.status)).toEqual([403, 429, 200]);
  await fal.flagNsfw(MODEL, { times: 1 });
  expect((await client.run(MODEL, { input })).data.has_nsfw_concepts).toEqual([true]);
  await fal.refuseContent(MODEL, { times: 1 });
  await expect(client.run(MODEL, { input })).rejects.toMatchObject({ status: 422 });
});

test("webhooks are those of the test", async ({ fal }) => {
  const other = await openScope();
  const webhookUrl = "http://127.0.0.1:1/nobody";
  await createFalClient({ credentials: other.key }).queue.submit(MODEL, { input, webhookUrl });
  expect((await other.webhooks({ count: 1, seconds: 60 })).length).toBe(1);
  expect(await fal.webhooks()).toEqual([]);
  const { request_id: requestId } = await client.queue.submit(MODEL, { input, webhookUrl });
  const [delivery] = await fal.webhooks({ requestId, count: 1, seconds: 60 });
  expect(delivery).toMatchObject({ url: webhookUrl, attempt: 1, status: null, error: expect.stringMatching(/refused/) });
  await expect(fal.webhooks({ count: 2, seconds: 0.05 })).rejects.toBeInstanceOf(ExpectationError);
  await other.close();
});

test("unmet expectations and bad scenarios say what is wrong", async ({ fal }) => {
  await expect(fal.expect({ kind: "cancel", seconds: 0.05 })).rejects.toThrow(/expected 1 cancel requests within 0.05 s/);
  await expect(fal.expect({ kind: "cancel", seconds: 0.05 })).rejects.toBeInstanceOf(ExpectationError);
  await fal.expect({ kind: "cancel", count: 0 });
  await expect(fal.endpoint(MODEL, { queu: [1] })).rejects.toThrow(/unknown field `queu`/);
  await expect(openScope({ url: "" })).rejects.toBeInstanceOf(EmulatorError);
});
