// A Chromium, and operations on a new page of the emulator.
"use strict";
const assert = require("node:assert/strict");
const { mkdirSync } = require("node:fs");
const { operation } = require("./report.cjs");

const URL = process.env.PAGE_URL;
const SHOTS = process.env.PAGE_SHOTS;
const DESK = { viewport: { width: 1200, height: 850 } };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

let started;
const browser = () => {
  started ??= (async () => {
    // With this variable the package unpacks the libraries that the system may lack.
    process.env.AWS_LAMBDA_JS_RUNTIME ??= "nodejs22.x";
    const { default: packed } = await import("@sparticuz/chromium");
    const { chromium } = require("playwright-core");
    // With a single process, closing the first page would end the browser.
    const args = packed.args.filter((flag) => flag !== "--single-process");
    return chromium.launch({ executablePath: await packed.executablePath(), args, headless: true });
  })();
  return started;
};

const json = (path, options) => fetch(`${URL}${path}`, options).then((reply) => reply.json());

/** Runs `act` on a new page. Script errors and requests to other hosts fail the operation. */
const onPage = (name, options, act) =>
  operation(name, async () => {
    const context = await (await browser()).newContext(options);
    context.setDefaultTimeout(90_000);
    const page = await context.newPage();
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => {
      // The browser logs every error status, and some operations provoke one.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) errors.push(message.text());
    });
    const foreign = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(URL) && !request.url().startsWith("data:")) foreign.push(request.url());
    });
    mkdirSync(SHOTS, { recursive: true });
    await page.goto(URL);
    try {
      await act(page);
    } finally {
      await page.screenshot({ path: `${SHOTS}/${name.replace(/\W+/g, "-")}.png` });
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    assert.equal(wide, false, "the page is wider than its window");
    assert.deepEqual(errors, []);
    assert.deepEqual(foreign, [], "something is loaded from another host");
    await context.close();
  });

/** Sends a request to the emulator, as a program would. */
const post = (path, body, headers = {}) =>
  fetch(`${URL}${path}`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: typeof body === "string" ? body : JSON.stringify(body) });

/** Waits until the form of the model in the address is drawn. What is typed before would be taken back. */
const isTryDrawn = async (page) => {
  await page.waitForFunction(() => /^#\/try\/./.test(location.hash));
  await page.waitForSelector("#try form");
};

/** Opens the form of a model. */
const openModel = async (page, id) => {
  await page.click("[data-view=try]");
  await isTryDrawn(page);
  await page.fill("#try .search", id);
  await page.waitForFunction((hash) => location.hash === hash, `#/try/${id}`);
  await page.waitForSelector("#try .columns");
};

module.exports = { DESK, PHONE, URL, isTryDrawn, json, onPage, openModel, post };
