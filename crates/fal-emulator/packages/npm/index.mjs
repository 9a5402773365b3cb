// The admin API of a running emulator, for tests. `fal-emulator -- node app.mjs` starts one.

import { randomUUID } from "node:crypto";

/** There is no emulator, or it refused a scenario, a name or a number. */
export class EmulatorError extends Error {
  name = "EmulatorError";
}

/** Fewer requests came than were expected. */
export class ExpectationError extends Error {
  name = "ExpectationError";
}

/**
 * A part of the emulator with its own scripts, rules, recorded requests, deliveries of webhooks, queue and clock.
 *
 * Calls with the key `key` belong to it, and so do the polls, downloads and uploads that follow from them.
 */
export class Scope {
  /** Opens a scope. Use `openScope`. */
  constructor(name, url) {
    this.name = name;
    this.url = url.replace(/\/+$/, "");
    // The secret is that of the emulator, which may require it.
    const secret = (process.env.FAL_KEY ?? "").split(":").pop() || "key";
    this.key = `${name}:${secret}`;
  }

  /** Adds a scenario: `{ endpoint: […], rule: […] }`, with the keys of a scenario file. */
  async scenario(scenario) {
    const { warnings = [] } = await this.#call("POST", "scenario", scenario);
    for (const text of warnings) console.warn(`fal-emulator: ${text}`);
  }

  /** Scripts the model behind an endpoint: `{ queue: [2, 1, 0], running: 2, logs: ["loading"] }`. */
  async endpoint(id, behaviour) {
    await this.scenario({ endpoint: [{ id, ...behaviour }] });
  }

  /** Lets the model behind an endpoint return this output, `times` times or from now on. */
  async reply(id, output, { times } = {}) {
    await this.endpoint(id, { outcomes: [{ reply: output, times }] });
  }

  /**
   * Lets the model behind an endpoint fail with a status and a body, `times` times or from now on. Without a body, it is
   * `{ detail: … }` with the reason of the status.
   */
  async fail(id, status, body = null, { times } = {}) {
    await this.endpoint(id, { outcomes: [{ fail: { status, body }, times }] });
  }

  /**
   * Lets the safety checker flag the outputs of an endpoint, `times` times or from now on: all of `has_nsfw_concepts` are true,
   * an `nsfw_probability` is 1, and the images are black. A model whose output has no such boolean or number refuses the input as
   * by `refuseContent`.
   */
  async flagNsfw(id, { times } = {}) {
    await this.endpoint(id, { outcomes: [{ nsfw: true, times }] });
  }

  /** Lets a checker flag the prompts of an endpoint: its calls fail with 422 and the type `content_policy_violation`. */
  async refuseContent(id, { times } = {}) {
    await this.endpoint(id, { outcomes: [{ content_policy_violation: true, times }] });
  }

  /**
   * Locks the account: calls, connections and uploads fail with 403 and `User is locked. Reason: …`. The default reason is an
   * exhausted balance. Requests in the queue go on, and their results can be fetched.
   */
  async lockAccount(reason) {
    await this.scenario({ account: { locked: reason ?? true } });
  }

  /** Ends a lock of the account, also one that the scenario of the command sets for all tests. */
  async unlockAccount() {
    await this.scenario({ account: { locked: false } });
  }

  /**
   * Lets the next `times` calls fail with 429 and the type `concurrent_requests_limit`. fal refuses direct calls so if the account
   * runs as many requests as it may, and lets most submits wait. Here both are refused; for one kind of request only, use `rule`.
   */
  async rateLimit(times = 1) {
    await this.scenario({ account: { rate_limited: times } });
  }

  /** Adds a rule about single requests: `{ kind: "submit", times: 1, respond: { status: 429 } }`. */
  async rule(rule) {
    await this.scenario({ rule: [rule] });
  }

  /** Returns the received requests with their responses, in the order of their arrival. */
  async requests(filter = {}) {
    return await this.#call("GET", "requests", undefined, filter);
  }

  /**
   * Waits until `count` requests came that match, for up to `seconds`, and returns them. With a count of 0, none may
   * have come. Throws an `ExpectationError` otherwise.
   */
  async expect({ count = 1, seconds = 5, ...filter } = {}) {
    return (await this.#call("POST", "expect", { ...filter, count, seconds })).requests;
  }

  /**
   * Returns the attempts to deliver webhooks for the calls of this scope, in order. Waits until there are `count`, for up to
   * `seconds`, and throws an `ExpectationError` if there are fewer.
   */
  async webhooks({ requestId, status, count = 0, seconds = 5 } = {}) {
    return await this.#call("GET", "webhooks", undefined, { request_id: requestId, status, count, seconds });
  }

  /** Moves the clock of the scope forward: queues proceed, runs end and delays are over. */
  async advance(seconds) {
    await this.#call("POST", "advance", { seconds });
  }

  /** Removes the scripts, rules, failures of the account, recorded requests and deliveries of the scope. */
  async reset() {
    await this.#call("POST", "reset", {});
  }

  /** Returns the received requests with their responses as an HTTP Archive. */
  async har() {
    return await this.#call("GET", "requests.har");
  }

  /** Ends the scope. */
  async close() {
    await this.#call("DELETE", "scope");
  }

  async #call(method, path, body, query = {}) {
    const url = new URL(`${this.url}/_emulator/${path}`);
    url.searchParams.set("scope", this.name);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
    }
    const reply = await fetch(url, {
      method,
      headers: { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await reply.text();
    if (reply.ok) return JSON.parse(text);
    let detail = text;
    try {
      detail = JSON.parse(text).detail ?? text;
    } catch {
      // Not JSON: the text itself says what is wrong.
    }
    throw new (reply.status === 417 ? ExpectationError : EmulatorError)(detail);
  }
}

/** Opens a scope of the running emulator. The default is a new name, and the emulator of `FAL_EMULATOR_URL`. */
export async function openScope({ name, url = process.env.FAL_EMULATOR_URL } = {}) {
  if (!url) {
    throw new EmulatorError("no emulator is running: start the tests with `fal-emulator -- npx vitest run`");
  }
  const scope = new Scope(name ?? `test-${randomUUID()}`, url);
  await scope.reset();
  return scope;
}
