// Uses the emulator's page as a person would, on a desktop and on a phone, and takes a screenshot of each view.
"use strict";
const assert = require("node:assert/strict");
const { createServer } = require("node:http");
const { DESK, PHONE, URL, isTryDrawn, json, onPage, openModel, post } = require("./browser.cjs");
const { main } = require("./report.cjs");

const prompt = async (page, text) => {
  await openModel(page, "fal-ai/flux/dev");
  await page.waitForFunction(() => document.querySelector("#try")?.textContent.includes("FLUX.1 [dev]"));
  await page.fill("#try form textarea", text);
};

/** Waits until a picture of the result is loaded. */
const picture = (page) =>
  page.waitForFunction(() => {
    const image = document.querySelector("#try .media img");
    return image?.complete && image.naturalWidth === 1024;
  });

onPage("subscribe", DESK, async (page) => {
  await prompt(page, "a lighthouse at dusk");
  await page.click("#try button.main");
  await picture(page);
  await page.click("[data-view=calls]");
  await page.waitForSelector(".card .done");
  assert.match(await page.textContent(".card"), /fal-ai\/flux\/dev.*queue.*browser.*a lighthouse at dusk/);
  await page.click(".card summary");
  await page.waitForSelector(".card .media img");
  assert.match(await page.textContent(".card .body"), /fal-emulator: step 4 of 4/);
});

onPage("stream", { ...DESK, colorScheme: "dark" }, async (page) => {
  await prompt(page, "a cat reading a map");
  await page.click("#try button:text('Stream')");
  await picture(page);
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.match(ground, /rgb\((1?\d|2\d), /, "the background is not dark in dark mode");
});

onPage("refused input", DESK, async (page) => {
  await prompt(page, "x");
  await page.click("#try form summary");
  await page.fill("#try form input[type=number]", "999");
  await page.click("#try button.main");
  await page.waitForFunction(() => /less than or equal to/.test(document.querySelector("#try form .problem:not(:empty)")?.textContent));
});

onPage("hostile text", DESK, async (page) => {
  const text = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>";
  const headers = { "content-type": "application/json", "user-agent": text };
  await fetch(`${URL}/run/fal-ai/flux/schnell`, { method: "POST", headers, body: JSON.stringify({ prompt: text }) });
  await page.waitForFunction((hostile) => document.querySelector("#calls")?.textContent.includes(hostile), text);
  assert.match(await page.title(), /fal-emulator$/);
  assert.equal(await page.$("#calls img[src=x]"), null);
});

onPage("players", DESK, async (page) => {
  await openModel(page, "fal-ai/kling-video/v2.1/master/text-to-video");
  await page.waitForFunction(() => document.querySelector("#try")?.textContent.includes("text-to-video ·"));
  await page.fill("#try form textarea", "waves");
  await page.click("#try button:text('Run')");
  await page.waitForSelector("#try video");
});

onPage("webhooks", DESK, async (page) => {
  const receiver = createServer((_, reply) => reply.writeHead(204).end()).listen(0, "127.0.0.1");
  await new Promise((resolve) => receiver.once("listening", resolve));
  const hook = encodeURIComponent(`http://127.0.0.1:${receiver.address().port}/hook`);
  await json(`/queue/fal-ai/flux/dev?fal_webhook=${hook}`, { method: "POST", body: JSON.stringify({ prompt: "x" }) });
  await page.click("[data-view=webhooks]");
  await page.waitForSelector("#webhooks .tag.done");
  receiver.close();
});

onPage("values that are no text", DESK, async (page) => {
  const toxic = [{ prompt: { toString: "x" } }, { text: { toString: null } }, { prompt: { valueOf: 1, toString: 2 } }];
  for (const input of toxic) await post("/run/fal-ai/flux/krea", input);
  const reply = { images: [{ url: "https://h.invalid/a.bin", file_name: { toString: 1 }, content_type: { startsWith: 1 }, width: { toString: 1 }, height: 1 }], detail: [{ loc: ["body", { toString: 1 }], msg: { toString: "x" } }] };
  await post("/_emulator/scenario", { endpoint: [{ id: "acme/toxic", outcomes: [{ reply }] }] });
  await post("/run/acme/toxic", { prompt: "after all of them" });
  await page.waitForFunction(() => document.querySelector("#calls")?.textContent.includes("after all of them"));
  assert.equal(await page.textContent("#alive"), "Connected");
  for (const card of (await page.$$("#calls .card")).slice(0, 4)) {
    await card.$("summary").then((summary) => summary.click());
    await card.waitForSelector(".body pre");
  }
  assert.equal(await page.$("#trouble .problem"), null);
  // The same as the answer to a call of the page.
  await page.click("[data-view=try]");
  await isTryDrawn(page);
  await page.fill("#try .search", "acme/toxic");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#try [role=status]")?.textContent.includes("acme/toxic"));
  await page.click("#try button:text-is('Run')");
  await page.waitForFunction(() => document.querySelector("#try [aria-label=Result]").textContent.includes("Output"));
  assert.match(await page.textContent("#try form .problem:not(:empty)"), /\{"toString":"x"\}/);
});

onPage("keyboard", DESK, async (page) => {
  await page.focus("[role=tab][aria-selected=true]");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.view), "try");
  await page.keyboard.press("End");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.view), "connect");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.view), "calls");
  await page.waitForSelector("#calls .tools");
  assert.equal(await page.evaluate(() => document.querySelectorAll("[role=tab][tabindex='0']").length), 1);
  const panels = await page.$$eval("[role=tab]", (all) => all.map((tab) => document.getElementById(tab.getAttribute("aria-controls"))?.getAttribute("aria-labelledby") === tab.id));
  assert.deepEqual(panels, [true, true, true, true, true, true]);
});

onPage("focus while calls change", DESK, async (page) => {
  // Long enough for a busy machine to see each state.
  const [slow, quick] = [{ ahead: 3, per_position: 3, run: 4, log_lines: 4 }, { ahead: 0, per_position: 0, run: 0, log_lines: 0 }];
  await post("/_emulator/scenario", { endpoint: [{ id: "acme/slow", pace: slow }, { id: "acme/quick", pace: quick }] });
  await post("/queue/acme/slow", { prompt: "slow" });
  await page.waitForSelector("#calls .card .tag.queued");
  await page.focus("#calls .card summary");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#calls .card .tag.done");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "SUMMARY");
  assert.equal(await page.$eval("#calls .card", (card) => card.open), true);
  // Inside of details that change.
  await post("/_emulator/scenario", { endpoint: [{ id: "acme/long", pace: { ahead: 0, per_position: 0, run: 900, log_lines: 4 } }] });
  await post("/queue/acme/long", { prompt: "long" });
  await page.waitForFunction(() => /acme\/long.*running/.test(document.querySelector("#calls .card").textContent));
  const long = page.locator("#calls .card").first();
  await long.locator("summary").click();
  await long.locator(".body pre").first().focus();
  await post("/_emulator/advance", { seconds: 1000 });
  await page.waitForFunction(() => document.querySelector("#calls .card .body").textContent.includes("fal-emulator: step 4 of 4"));
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "PRE");
  await post("/queue/acme/quick?fal_webhook=http%3A%2F%2F127.0.0.1%3A9%2Fa", {});
  await page.click("[data-view=webhooks]");
  await page.waitForSelector("#webhooks .card");
  await page.click("#webhooks .card summary");
  await page.waitForSelector("#webhooks .card[open] .body pre");
  const before = await page.$$eval("#webhooks .card", (all) => all.length);
  await post("/queue/acme/quick?fal_webhook=http%3A%2F%2F127.0.0.1%3A9%2Fb", {});
  await page.waitForFunction((count) => document.querySelectorAll("#webhooks .card").length > count, before);
  assert.equal(await page.$$eval("#webhooks .card[open]", (all) => all.length), 1);
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "SUMMARY");
});

onPage("direction marks and long words", PHONE, async (page) => {
  await post("/run/fal-ai/flux/dev", { prompt: `a\u202Egnp.exe ${"w".repeat(3000)}` }, { "user-agent": "u".repeat(50_000) });
  await page.waitForFunction(() => document.querySelector("#calls")?.textContent.includes("a\\u202Egnp.exe"));
  await page.tap("#calls .card summary");
  await page.waitForSelector("#calls .card .body pre");
  assert.match(await page.textContent("#calls .card .body"), /a\\u202Egnp\.exe/);
  const height = await page.$eval("#calls .card", (card) => card.offsetHeight);
  assert.ok(height < 3000, `the card is ${height} px high`);
});

onPage("a flood of calls", DESK, async (page) => {
  const numbers = `{"prompt": [${"1,".repeat(100_000)}1]}`;
  for (let count = 0; count < 30; count += 1) await post("/run/fal-ai/flux/dev", numbers);
  const feed = await fetch(`${URL}/_emulator/page/feed`).then((reply) => reply.text());
  assert.ok(feed.length < 200_000, `the feed has ${feed.length} bytes`);
  await page.waitForFunction(() => document.querySelector("#count-calls").textContent !== "0");
  assert.equal(await page.textContent("#alive"), "Connected");
});

onPage("on a phone", PHONE, async (page) => {
  await page.waitForSelector(".card");
  await page.tap(".card summary");
  await page.waitForSelector(".card .body");
  await page.tap("[data-view=connect]");
  await page.tap("[data-view=calls]");
});

onPage("on a phone in the dark", { ...PHONE, colorScheme: "dark" }, async (page) => {
  await prompt(page, "a small boat");
  await page.tap("#try button.main");
  await picture(page);
});

require("./workbench.cjs");
require("./audit.cjs");

main();
