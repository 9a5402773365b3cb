// `test` of vitest with a fixture `fal`: a scope of the emulator for each test alone.

import { test as base } from "vitest";
import { openScope } from "./index.mjs";

const NAMES = ["FAL_KEY", "FAL_API_KEY", "FAL_AI_API_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET"];

export const test = base.extend({
  fal: async ({}, use) => {
    const scope = await openScope();
    // Clients of fal read the key here at each call.
    const before = NAMES.map((name) => process.env[name]);
    const [id, secret] = scope.key.split(":");
    const values = [scope.key, scope.key, scope.key, id, secret];
    NAMES.forEach((name, index) => (process.env[name] = values[index]));
    try {
      await use(scope);
    } finally {
      NAMES.forEach((name, index) => {
        if (before[index] === undefined) delete process.env[name];
        else process.env[name] = before[index];
      });
      await scope.close();
    }
  },
});

export const it = test;
