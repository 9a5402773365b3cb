// Finds the program of this machine, which one of the optional dependencies holds.

import { createRequire } from "node:module";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

/** Returns true on a Linux with musl, such as Alpine. */
function isMusl() {
  const report = process.report?.getReport?.();
  return !(typeof report === "object" && report.header?.glibcVersionRuntime);
}

/** Returns the names of the packages that may hold the program of this machine. */
export function packageNames() {
  const { platform, arch } = process;
  if (platform !== "linux") return [`fal-emulator-${platform}-${arch}`];
  // The program for musl needs no library, so it also runs where the other one is missing.
  const musl = `fal-emulator-linux-${arch}-musl`;
  return isMusl() ? [musl] : [`fal-emulator-linux-${arch}`, musl];
}

/** Returns the path of the program. Throws an error that says what to do if there is none. */
export function programPath() {
  if (process.env.FAL_EMULATOR_PROGRAM) return process.env.FAL_EMULATOR_PROGRAM;
  const file = process.platform === "win32" ? "fal-emulator.exe" : "fal-emulator";
  for (const name of packageNames()) {
    try {
      const path = join(dirname(require.resolve(`${name}/package.json`)), file);
      if (existsSync(path)) return path;
    } catch {
      // Not installed.
    }
  }
  throw new Error(
    `fal-emulator: there is no program for ${process.platform} ${process.arch}: ${packageNames().join(" or ")} is not ` +
      "installed. Install again without --omit=optional, or set FAL_EMULATOR_PROGRAM to a program of your own",
  );
}
