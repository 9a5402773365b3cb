// Audits every view with axe-core, in both schemes and three widths, and uses the page by keyboard alone.
"use strict";
const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const { DESK, PHONE, URL, isTryDrawn, onPage, openModel, post } = require("./browser.cjs");

const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** Returns what axe finds on the page as it is now. */
const findings = async (page) => {
  // The page lets no script run but its own, and an evaluated one.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return violations.map(({ id, impact, nodes }) => `${id} (${impact}): ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 150)).join(" | ")}`);
};

const views = async (page, found) => {
  const audit = async (name) => {
    for (const finding of await findings(page)) found.push(`${name}: ${finding}`);
  };
  await page.waitForSelector("#calls .card");
  await audit("calls");
  await page.locator("#calls .card summary").first().click();
  await page.waitForSelector("#calls .card[open] .body h3");
  await audit("open call");
  await page.locator("#calls .card[open] button[aria-label='Copy as Rust']").click();
  await page.locator("#calls .card[open] a", { hasText: "Link to this call" }).click();
  await page.waitForSelector("#call h2");
  await audit("one call");
  await openModel(page, "fal-ai/flux-2/klein/4b/base/edit/lora");
  for (const fold of await page.locator("#try form summary").all()) await fold.click();
  await page.locator("#try .field", { hasText: "image_size" }).first().locator("select").first().selectOption({ label: "custom: ImageSize" });
  await page.click("#try button:text-is('Add to loras')");
  await audit("form");
  await page.fill("#try .search", "flux");
  await audit("suggestions");
  await openModel(page, "fal-ai/flux-2/klein/realtime");
  await audit("realtime");
  await page.fill("#try .search", "acme/none");
  await page.press("#try .search", "Enter");
  await page.waitForSelector("#try [role=status]");
  await audit("unknown model");
  for (const view of ["scenario", "webhooks", "requests", "connect"]) {
    await page.click(`[data-view=${view}]`);
    const card = page.locator(`#${view} details.card summary`).first();
    if (await card.count()) await card.click();
    if (await card.count()) await page.waitForSelector(`#${view} details.card[open] .body > *`);
    await audit(view);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    if (wide) found.push(`${view}: wider than its window`);
  }
};

const NARROW = { viewport: { width: 320, height: 640 } };

for (const [name, options] of [
  ["axe", DESK],
  ["axe in the dark", { ...DESK, colorScheme: "dark" }],
  ["axe on a phone", PHONE],
  ["axe on a narrow phone in the dark", { ...NARROW, colorScheme: "dark" }],
]) {
  onPage(name, options, async (page) => {
    await post("/run/fal-ai/flux/dev", { prompt: "audited", num_images: 99 });
    await post("/queue/fal-ai/flux/dev?fal_webhook=http%3A%2F%2F127.0.0.1%3A9%2Fa", { prompt: "audited" });
    const found = [];
    await views(page, found);
    assert.deepEqual(found, []);
  });
}

onPage("by keyboard alone", DESK, async (page) => {
  await post("/run/fal-ai/flux/dev", { prompt: "by keyboard" });
  await page.waitForFunction(() => document.querySelector("#calls .card")?.textContent.includes("by keyboard"));
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const focused = () => page.evaluate(() => `${document.activeElement.tagName} ${document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent}`);
  await press("Tab");
  assert.match(await focused(), /^BUTTON Calls/, await focused());
  await press("Tab");
  assert.match(await focused(), /^INPUT Search calls/);
  await press("Tab", "Tab", "Tab");
  // Before the list there may be a notice about unknown models.
  if (await page.evaluate(() => document.activeElement.closest(".notice") !== null)) await press("Tab");
  assert.match(await focused(), /^SUMMARY.*by keyboard/);
  await press("Enter");
  await page.waitForSelector("#calls .card[open] .actions");
  await press("Tab");
  assert.match(await focused(), /^BUTTON Run again/);
  await press("Tab", "Enter");
  await page.waitForFunction(() => location.hash === "#/try/fal-ai/flux/dev");
  await page.waitForFunction(() => document.querySelector("#try form textarea")?.value === "by keyboard");
  await page.focus("#try form textarea");
  await page.goto(`${URL}/#/try`);
  await isTryDrawn(page);
  await page.focus("#try .search");
  await page.keyboard.type("schnell");
  await page.waitForSelector("#try [role=option]");
  await press("ArrowDown", "Enter");
  await page.waitForFunction(() => /schnell/.test(location.hash));
  await press("Escape");
  assert.equal(await page.getAttribute("#try .search", "aria-expanded"), "false");
});
