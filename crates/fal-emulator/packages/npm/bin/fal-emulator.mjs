#!/usr/bin/env node
// Runs the program of this machine in place of this one.

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { programPath } from "../platform.mjs";

let program;
try {
  program = programPath();
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });
child.on("error", (error) => {
  console.error(`fal-emulator: cannot run ${program}: ${error.message}`);
  process.exit(1);
});
// A terminal sends SIGINT to both. Its end is that of the program.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => {
  process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
});
