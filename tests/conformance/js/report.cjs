// Runs operations one by one and prints the outcome of each as a line of JSON.
"use strict";
const assert = require("node:assert/strict");
const { createHash } = require("node:crypto");
const { readSync } = require("node:fs");

const operations = new Map();
const operation = (name, run) => operations.set(name, run);

const printOutcome = (name, error) => {
  const line = { operation: name, passed: error === undefined };
  if (error !== undefined) line.error = error;
  console.log(JSON.stringify(line));
  // The runner inspects the requests of this operation before it lets the next one begin.
  readSync(0, Buffer.alloc(1));
};

const describe = (error) => {
  const own = String(error?.stack).match(/(?:client|page|workbench|audit)\.cjs:(\d+)/);
  const text = `${error?.name}: ${error?.message}`.split("\n")[0].slice(0, 300);
  return text + (own ? ` (line ${own[1]})` : "");
};

const download = async (url) => {
  const reply = await fetch(url);
  return { status: reply.status, bytes: Buffer.from(await reply.arrayBuffer()) };
};

const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");

const sameBytes = async (url, bytes) => {
  const got = (await download(url)).bytes;
  assert.equal(hash(got), hash(bytes), `${bytes.length} bytes were uploaded, ${got.length} other bytes came back`);
};

/** Waits, and checks that the file of a URL has expired by then. */
const isGoneAfter = async (url, milliseconds) => {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  assert.equal((await download(url)).status, 404, "an expired file was served");
};

const isPicture = async (output) => {
  const { bytes } = await download(output.images[0].url);
  assert.equal(bytes.subarray(1, 4).toString(), "PNG");
};

/** Asserts that a call fails with an error that has the expected properties, and returns the error. */
const rejects = async (call, expected) => {
  let result;
  try {
    result = await call();
  } catch (error) {
    for (const [name, value] of Object.entries(expected)) {
      assert.deepEqual(error[name], value, `${name} is ${error[name]}, not ${value}: ${error.message}`);
    }
    return error;
  }
  throw new Error(`no error, but ${JSON.stringify(result)?.slice(0, 200)}`);
};

const limited = (promise, seconds) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still under way after ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/** Errors since the start of the operation that reached no caller. */
let stray = [];
process.on("unhandledRejection", (error) => stray.push(error));
process.on("uncaughtException", (error) => stray.push(error));

const main = async () => {
  const wanted = process.argv.slice(2);
  const isOfPart = (name) => /^(timeout|priority)/.test(name) === (process.env.CONFORMANCE_PART === "timeouts");
  const isWanted = (name) => isOfPart(name) && (wanted.length === 0 || wanted.includes(name));
  const chosen = [...operations].filter(([name]) => isWanted(name));
  console.log(JSON.stringify({ plan: chosen.map(([name]) => name) }));
  for (const [name, run] of chosen) {
    stray = [];
    try {
      await limited(run(), 120);
      await new Promise((resolve) => setTimeout(resolve, 10));
      if (stray.length > 0) throw stray[0];
      printOutcome(name);
    } catch (error) {
      printOutcome(name, describe(error));
    }
  }
  process.exit(0);
};

module.exports = { download, isGoneAfter, isPicture, main, operation, rejects, sameBytes };
