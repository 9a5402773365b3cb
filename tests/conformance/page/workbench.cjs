// What a developer does with calls on the page: find one, see why it failed, copy it, change it, run it again, script faults.
"use strict";
const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const { mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { DESK, PHONE, URL, isTryDrawn, json, onPage, openModel, post } = require("./browser.cjs");

const text = (page, selector) => page.textContent(selector);

/** Waits until an element contains a text. */
const says = (page, selector, expected) =>
  page.waitForFunction(([selector, expected]) => [...document.querySelectorAll(selector)].some((element) => element.textContent.includes(expected)), [selector, expected]);

/** Adds a scenario, and removes all scripts after `act`. */
const scripted = async (scenario, act) => {
  assert.equal((await post("/_emulator/scenario", scenario)).status, 200);
  try {
    await act();
  } finally {
    await post("/_emulator/reset", {});
  }
};

/** Waits for the card of the call with this prompt. */
const cardOf = async (page, prompt) => {
  await says(page, "#calls .card", prompt);
  return page.locator("#calls .card", { hasText: prompt }).first();
};

onPage("refused and unknown calls say why", DESK, async (page) => {
  await post("/run/fal-ai/flux/dve", { prompt: "unknown model" });
  await post("/run/fal-ai/flux/dev", { prompt: "two mistakes", num_images: 99, guidance_scale: -1 });
  await scripted({ rule: [{ kind: "submit", times: 1, respond: { status: 429, json: { detail: "slow down" } } }] }, () => post("/queue/fal-ai/flux/dev", { prompt: "limited" }));
  await scripted({ rule: [{ kind: "run", times: 1, reset: "arrival" }] }, () => post("/run/fal-ai/flux/dev", { prompt: "never arrived" }).catch(() => {}));
  await scripted({ rule: [{ kind: "run", times: 1, cut: { body: 20 } }] }, () => post("/run/fal-ai/flux/dev", { prompt: "half a reply" }).then((reply) => reply.text()).catch(() => {}));
  for (const [prompt, why] of [
    ["unknown model", /refused 404/],
    ["two mistakes", /and 1 more problem.*failed 422/],
    ["limited", /A rule answered 429: slow down.*refused 429/],
    ["never arrived", /A rule reset the connection before the request was handled/],
    ["half a reply", /A rule closed the connection after 20 bytes of the body/],
  ]) assert.match(await (await cardOf(page, prompt)).textContent(), why);
  const unknown = await cardOf(page, "unknown model");
  await unknown.locator("summary").click();
  await unknown.locator("button", { hasText: "fal-ai/flux/dev" }).first().click();
  await page.waitForFunction(() => location.hash.startsWith("#/try/fal-ai/flux/dev"));
});

onPage("search, filter and clear", DESK, async (page) => {
  const before = (await json("/_emulator/page/feed")).totals.calls;
  const needle = `Needle-${Date.now()}`;
  await post("/run/fal-ai/flux/dev", { prompt: `the ${needle} in the haystack` });
  const pace = { ahead: 0, per_position: 0, run: 0, log_lines: 0 };
  await scripted({ endpoint: [{ id: "acme/hay", pace, outcomes: [{ reply: {} }] }] }, async () => {
    await Promise.all(Array.from({ length: 239 }, (_, count) => post("/run/acme/hay", { prompt: `straw ${count}` })));
    await post("/run/acme/hay", { prompt: "straw 239" });
  });
  const total = before + 241;
  await says(page, "#calls-count", `Last 200 of ${total.toLocaleString("en")} calls`);
  assert.equal(await text(page, "#count-calls"), `200 of ${total.toLocaleString("en")}`);
  // The one that is searched for is none of the 200 that are listed.
  await page.fill("#calls .search", `${needle.toUpperCase()} haystack`);
  await says(page, "#calls-count", "1 of 1 matching call.");
  assert.equal(await page.locator("#calls .card").count(), 1);
  await page.fill("#calls .search", "");
  await page.selectOption("#calls select", "failed");
  await page.waitForFunction(() => [...document.querySelectorAll("#calls .card .tag")].every((tag) => /refused|failed|cancelled/.test(tag.className)));
  await page.selectOption("#calls select", "");
  await says(page, "#calls-count", "Last 200 of");
  await page.click("#calls button:text('Clear')");
  await says(page, "#calls-count", "earlier ones are hidden");
  assert.equal(await page.locator("#calls .card").count(), 0);
  await post("/run/fal-ai/flux/dev", { prompt: "after clearing" });
  await cardOf(page, "after clearing");
  assert.equal(await page.locator("#calls .card").count(), 1);
  await page.click("#calls button:text('Show hidden')");
  await page.waitForFunction(() => document.querySelectorAll("#calls .card").length === 200);
  // The order is kept when older items come back: the latest is on top.
  assert.match(await page.locator("#calls .card").first().textContent(), /after clearing/);
  assert.match(await page.locator("#calls .card").nth(1).textContent(), /straw 239/);
});

onPage("a call has a link, a course and its requests", DESK, async (page) => {
  const receipt = await (await post("/queue/fal-ai/flux/dev", { prompt: "followed" })).json();
  for (;;) {
    const { status } = await fetch(receipt.status_url).then((reply) => reply.json());
    if (status === "COMPLETED") break;
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  await fetch(receipt.response_url);
  const card = await cardOf(page, "followed");
  await card.locator("summary").click();
  await card.locator("a", { hasText: "Link to this call" }).click();
  await page.waitForFunction((id) => location.hash === `#/calls/${id}`, receipt.request_id);
  await page.waitForFunction(() => document.activeElement.textContent === "← All calls");
  await says(page, "#call", "a runner started");
  await says(page, "#call .steps", "done");
  await says(page, "#call", "Output");
  await says(page, "#call", "1 × images at $");
  await says(page, "#cost", "Would have cost $");
  await says(page, "#cost", ", at invented prices");
  assert.equal(await page.isVisible("#calls .list"), false);
  await page.reload();
  await says(page, "#call h2", "fal-ai/flux/dev");
  await page.click("#call a:text('← All calls')");
  await page.waitForSelector("#calls .list .card");
  await page.goto(`${URL}/#/calls/none`);
  await says(page, "#call", "This is no longer kept");
});

onPage("copied programs are exact and safe", { ...DESK, permissions: ["clipboard-read", "clipboard-write"] }, async (page) => {
  const folder = mkdtempSync(join(tmpdir(), "page-"));
  const hostile = `it's "$(touch taken)" \`touch taken\` \\ \u202E </script> ${"\n"} \u0007 é 猫`;
  const body = `{"prompt": ${JSON.stringify(hostile)}, "seed": 12345678901234567890, "__proto__": {"a": 1}, "list": [1.50, null, true]}`;
  await scripted({ endpoint: [{ id: "acme/it's", outcomes: [{ reply: { n: 1 } }] }] }, async () => {
    await post("/run/acme/it's", body);
    const card = await cardOf(page, "it's \"$(touch taken)\"");
    await card.locator("summary").click();
    // The calls that follow have cards of the same text.
    const open = page.locator("#calls .card[open]");
    const copied = async (language) => {
      await open.locator(`button[aria-label="Copy as ${language}"]`).click();
      await open.locator(`pre[aria-label="The call in ${language}"]`).waitFor();
      return page.evaluate(() => navigator.clipboard.readText());
    };
    const sent = JSON.parse(body);
    const curl = await copied("curl");
    assert.equal(/[\u202E]/.test(curl), false, "a direction mark is copied as it is");
    const count = (await json("/_emulator/page/feed")).totals.calls;
    assert.match(execFileSync("sh", ["-c", curl], { cwd: folder, stdio: ["ignore", "pipe", "ignore"] }).toString(), /"n":1/);
    assert.equal((await json("/_emulator/page/feed")).totals.calls, count + 1);
    const latest = (await json("/_emulator/requests")).filter((request) => request.kind === "run").at(-1);
    assert.equal(latest.json.prompt, hostile);
    const python = await copied("Python");
    const script = `import json, sys, types\nm = types.ModuleType("fal_client")\nm.run = lambda id, arguments: json.dumps([id, arguments])\nsys.modules["fal_client"] = m\n`;
    const [id, given] = JSON.parse(execFileSync("python3", ["-c", script + python], { cwd: folder }).toString().replace("12345678901234567890", "\"exact\""));
    assert.deepEqual([id, given.prompt, given.seed, given.list], ["acme/it's", hostile, "exact", [1.5, null, true]]);
    const javascript = await copied("JavaScript");
    const stub = javascript.replace(/^import .*\n/, "const fal = { run: async (id, { input }) => ({ data: JSON.stringify([id, input]) }) };\n");
    writeFileSync(join(folder, "copied.mjs"), stub);
    const [, input] = JSON.parse(execFileSync("node", ["copied.mjs"], { cwd: folder }).toString());
    assert.deepEqual([input.prompt, Object.keys(input)], [sent.prompt, Object.keys(sent)]);
    const rust = await copied("Rust");
    assert.match(rust, /12345678901234567890_u64/);
    assert.match(rust, /\\u\{202e\}/);
    assert.equal(/[\u202E\u0007]/.test(rust), false);
    assert.deepEqual(require("node:fs").readdirSync(folder), ["copied.mjs"], "a copied program ran the text of a call");
  });
  rmSync(folder, { recursive: true });
});

onPage("run again, and edit and run", DESK, async (page) => {
  const seed = "4611686018427387905";
  await post("/run/fal-ai/flux/dev", `{"prompt": "once more", "seed": ${seed}, "image_size": {"width": 320, "height": 240}}`);
  const card = await cardOf(page, "once more");
  await card.locator("summary").click();
  const open = page.locator("#calls .card[open]");
  const count = (await json("/_emulator/page/feed")).totals.calls;
  await open.locator("button", { hasText: "Run again" }).click();
  await page.waitForFunction(async (count) => (await (await fetch("/_emulator/page/feed")).json()).totals.calls > count, count);
  const input = await fetch(`${URL}/_emulator/page/input?number=${count + 1}`).then((reply) => reply.text());
  assert.match(input, new RegExp(seed), "the seed has lost digits");
  await open.locator("button", { hasText: "Edit and run" }).click();
  await page.waitForFunction(() => document.querySelector("#try form textarea")?.value === "once more");
  await page.click("#try form summary");
  const size = page.locator("#try .field", { hasText: "image_size" }).first();
  assert.equal(await size.locator("select").first().locator("option:checked").textContent(), "custom: ImageSize");
  await page.fill("#try form textarea", "changed");
  await page.click("#try button:text-is('Run')");
  await page.waitForFunction(() => document.querySelector("#try .media img")?.naturalWidth === 320);
  const changed = await fetch(`${URL}/_emulator/page/input?number=${count + 2}`).then((reply) => reply.text());
  assert.match(changed, new RegExp(`"changed"[^]*${seed}`));
  await page.click("#try a:text('Open this call')");
  await says(page, "#call .faint", "changed");
});

onPage("models are suggested, and unknown ones are told", DESK, async (page) => {
  await page.click("[data-view=try]");
  await isTryDrawn(page);
  await page.click("#try .search");
  await page.fill("#try .search", "kling video master");
  await page.waitForSelector("#try [role=option]");
  await page.keyboard.press("ArrowDown");
  const active = await page.getAttribute("#try .search", "aria-activedescendant");
  const chosen = await page.evaluate((id) => document.getElementById(id).firstChild.textContent, active);
  assert.match(chosen, /kling-video.*master/);
  await page.keyboard.press("Enter");
  await page.waitForFunction((id) => location.hash === `#/try/${id}`, chosen);
  assert.equal(await page.isVisible("#try [role=listbox]"), false);
  await page.fill("#try .search", "fal-ai/flux/dve");
  await page.keyboard.press("Enter");
  await says(page, "#try [role=status]", "no document of fal-ai/flux/dve");
  await page.click("#try [role=status] button:text-is('fal-ai/flux/dev')");
  await page.waitForFunction(() => location.hash === "#/try/fal-ai/flux/dev");
  // Ids are text, whatever they hold, and an unknown one can be called.
  const id = "acme/<img src=x onerror=\"document.title='taken'\">?a#b%";
  await page.fill("#try .search", id);
  await page.keyboard.press("Enter");
  await says(page, "#try [role=status]", id);
  await page.fill("#try form textarea", "{\"n\": 1}");
  await page.click("#try button:text-is('Run')");
  await says(page, "#try", "404");
  assert.notEqual(await page.title(), "taken");
  await page.reload();
  await says(page, "#try [role=status]", id);
});

onPage("ids with marks of URLs are called", DESK, async (page) => {
  await scripted({ endpoint: [{ id: "acme/a?b#c d", outcomes: [{ reply: { marked: 1 } }] }] }, async () => {
    await page.click("[data-view=try]");
    await isTryDrawn(page);
    await page.fill("#try .search", "acme/a?b#c d");
    await page.keyboard.press("Enter");
    await says(page, "#try [role=status]", "acme/a?b#c d");
    await page.click("#try button:text-is('Run')");
    await says(page, "#try [aria-label=Result]", '"marked": 1');
    await page.click("#try button.main");
    await says(page, "#try [aria-label=Result]", "Output");
    await says(page, "#try [aria-label=Result]", '"marked": 1');
  });
});

onPage("a lost connection is told", DESK, async (page) => {
  await says(page, "#alive", "Connected");
  assert.equal(await page.getAttribute("#alive", "role"), "status");
  await page.route("**/_emulator/page/feed*", (route) => route.abort());
  await page.waitForFunction(() => document.querySelector("#alive").textContent === "Not connected");
  await page.unroute("**/_emulator/page/feed*");
  await page.waitForFunction(() => document.querySelector("#alive").textContent === "Connected");
});

onPage("text that is typed while the view opens stays", DESK, async (page) => {
  const typed = () => page.inputValue("#try .search");
  // The list of models comes late.
  let send;
  const isAsked = new Promise((resolve) => (send = resolve));
  await page.route("**/_emulator/page/models", async (route) => (await isAsked, route.continue()));
  await page.reload();
  await page.click("[data-view=try]");
  await says(page, "#try", "The models are being read");
  send();
  await page.click("#try .search");
  await page.keyboard.type("kling");
  await isTryDrawn(page);
  assert.equal(await typed(), "kling");
  // The tab is chosen again, and its address is noticed after the first letters.
  await page.evaluate(async () => {
    const noticed = new Promise((resolve) => window.addEventListener("hashchange", resolve, { once: true }));
    document.querySelector("[data-view=try]").click();
    const field = document.querySelector("#try .search");
    field.focus();
    field.value = "sora";
    await noticed;
    await new Promise((resolve) => setTimeout(resolve));
  });
  assert.equal(await typed(), "sora");
  await page.locator("#try .search").blur();
  await page.click("[data-view=try]");
  await page.waitForFunction(() => document.querySelector("#try .search").value === "fal-ai/flux/dev");
});

onPage("custom sizes, nested lists and lists of files", DESK, async (page) => {
  await openModel(page, "fal-ai/flux-2/klein/4b/base/edit/lora");
  await page.fill("#try form textarea", "two cats");
  const urls = page.locator("#try .field", { hasText: "image_urls" }).first();
  const files = ["<b>one.png", "two\u202E.png"].map((name) => ({ name, mimeType: "image/png", buffer: Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64") }));
  await urls.locator("input[type=file]").last().setInputFiles(files);
  await page.waitForFunction(() => [...document.querySelectorAll("#try .field .item input[type=text]")].filter((input) => /cdn\/files/.test(input.value)).length === 2);
  for (const fold of await page.locator("#try form summary").all()) await fold.click();
  const size = page.locator("#try .field", { hasText: "image_size" }).first();
  await size.locator("select").first().selectOption({ label: "custom: ImageSize" });
  await size.locator("input[type=number]").nth(0).fill("640");
  await size.locator("input[type=number]").nth(1).fill("384");
  await page.click("#try button:text-is('Add to loras')");
  await page.click("#try button:text-is('Add to loras')");
  const loras = page.locator("#try .field", { hasText: "loras" }).first();
  await loras.locator("input[type=text], textarea, input:not([type])").first().fill("https://example.com/a.safetensors");
  await page.click("#try button:text-is('Run')");
  // The second entry lacks its path, which is said at that entry.
  await page.waitForFunction(() => /Field required/.test(document.querySelectorAll("#try .nested .item")[3]?.textContent));
  await loras.locator("button:text-is('Remove')").last().click();
  await page.click("#try button:text-is('Run')");
  await says(page, "#try [aria-label=Result]", "Output");
  const call = (await json("/_emulator/page/feed")).calls[0];
  const input = await json(`/_emulator/page/input?number=${call.number}`);
  assert.deepEqual([input.image_size, input.loras.map(({ path }) => path), input.image_urls.length], [{ width: 640, height: 384 }, ["https://example.com/a.safetensors"], 2]);
  await page.click("#try button:text('Edit as JSON')");
  const value = JSON.parse(await page.inputValue("#try form textarea"));
  assert.deepEqual(value, input);
  await page.fill("#try form textarea", JSON.stringify({ ...value, no_such_parameter: 1 }));
  await page.click("#try button:text('Edit as a form')");
  await says(page, "#try .problem", "no_such_parameter");
});

onPage("realtime", DESK, async (page) => {
  await openModel(page, "fal-ai/flux-2/klein/realtime");
  await page.fill("#try form textarea", "a lighthouse");
  await page.locator("#try .field", { hasText: "image_url" }).first().locator("input").first().fill("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==");
  await page.click("#try button:text('Connect')");
  await says(page, "#try fieldset", "1 sent, 1 received");
  await page.waitForSelector("#try .media img");
  await page.fill("#try form textarea", "a harbour");
  await says(page, "#try fieldset", "2 sent, 2 received");
  await page.click("#try button:text('Disconnect')");
  await says(page, "#try fieldset", "Closed with");
  await page.click("[data-view=calls]");
  await page.waitForFunction(() => /klein\/realtime.*realtime.*done/.test(document.querySelector("#calls .card").textContent));
});

onPage("scenario and clock", DESK, async (page) => {
  await page.click("[data-view=scenario]");
  await page.fill("#scenario input[type=number]", "2");
  await page.fill("#scenario input[type=text]", "fal-ai/flux/dev");
  await page.click("#scenario button:text-is('Add') >> nth=0");
  await says(page, "#scenario", "Added");
  const statuses = [];
  for (let count = 0; count < 3; count += 1) statuses.push((await post("/queue/fal-ai/flux/dev", { prompt: "scripted" })).status);
  assert.deepEqual(statuses, [503, 503, 200]);
  await page.fill("#scenario textarea", "[[endpoint]]\nid = \"acme/slow\"\npace = { ahead = 0, per_position = 0.0, run = 500.0, log_lines = 1 }\n");
  await page.click("#scenario button:text-is('Add') >> nth=1");
  await says(page, "#scenario", "Added to the scripts");
  const receipt = await (await post("/queue/acme/slow", {})).json();
  const status = () => fetch(receipt.status_url).then((reply) => reply.json());
  assert.notEqual((await status()).status, "COMPLETED");
  await page.waitForFunction(() => /^[1-9]\d* running/.test(document.title));
  await page.click("#scenario button[aria-label='Move the clock forward by 1 h']");
  // Other operations may have moved it before.
  await page.waitForFunction(() => Number(/(\d+) min \d+ s ahead/.exec(document.querySelector("#clock").textContent)?.[1]) >= 60);
  assert.equal((await status()).status, "COMPLETED");
  await page.fill("#scenario textarea", "[[endpoint]]\nid = 5");
  await page.click("#scenario button:text-is('Add') >> nth=1");
  await says(page, "#scenario .problem", "expected a string");
  await page.click("#scenario button:text('Remove all scripts')");
  await says(page, "#scenario", "were removed");
});

onPage("connect", { ...DESK, permissions: ["clipboard-read", "clipboard-write"] }, async (page) => {
  await page.click("[data-view=connect]");
  for (const line of ["fal-emulator -- pytest", "fal-emulator -- node app.mjs", `FAL_EMULATOR_URL=${URL} cargo run`, "fal-emulator -- COMMAND"]) await says(page, "#connect pre", line);
  await page.click("#connect button[aria-label^='Copy: curl']");
  await says(page, "#said", "Copied");
  const line = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(execFileSync("sh", ["-c", line], { stdio: ["ignore", "pipe", "ignore"] }).toString(), /"images"/);
});

onPage("a workbench on a phone", { ...PHONE, colorScheme: "dark" }, async (page) => {
  await post("/run/fal-ai/flux/dev", { prompt: "on the phone", num_images: 99 });
  const card = await cardOf(page, "on the phone");
  await card.locator("summary").tap();
  await card.locator("button[aria-label='Copy as curl']").tap();
  await card.locator("pre[aria-label='The call in curl']").waitFor();
  await page.screenshot({ path: `${process.env.PAGE_SHOTS}/a-call-on-a-phone.png` });
  await page.tap("[data-view=scenario]");
  await page.waitForSelector("#clock");
});
