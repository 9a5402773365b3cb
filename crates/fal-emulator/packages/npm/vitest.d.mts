import type { TestAPI } from "vitest";
import type { Scope } from "./index.mjs";

/**
 * `test` of vitest with the fixture `fal`: a scope of the emulator for each test alone. Its key is in the environment, where
 * clients of fal read it. Tests that run at the same time in one file, by `test.concurrent`, have to pass `fal.key` to their
 * client instead.
 */
export declare const test: TestAPI<{ fal: Scope }>;
export declare const it: typeof test;
