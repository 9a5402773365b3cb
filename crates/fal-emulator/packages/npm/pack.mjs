// Makes the folders of the npm packages: `fal-emulator`, and one for each program.
//
//   node pack.mjs --version 0.1.0 --out dist --program x86_64-unknown-linux-gnu=target/…/fal-emulator …

import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The targets, and the package of each. */
const TARGETS = {
  "x86_64-unknown-linux-gnu": { name: "linux-x64", os: "linux", cpu: "x64", libc: "glibc" },
  "aarch64-unknown-linux-gnu": { name: "linux-arm64", os: "linux", cpu: "arm64", libc: "glibc" },
  // Without `libc`, because it runs on every Linux.
  "x86_64-unknown-linux-musl": { name: "linux-x64-musl", os: "linux", cpu: "x64" },
  "aarch64-unknown-linux-musl": { name: "linux-arm64-musl", os: "linux", cpu: "arm64" },
  "x86_64-apple-darwin": { name: "darwin-x64", os: "darwin", cpu: "x64" },
  "aarch64-apple-darwin": { name: "darwin-arm64", os: "darwin", cpu: "arm64" },
  "x86_64-pc-windows-msvc": { name: "win32-x64", os: "win32", cpu: "x64" },
  "aarch64-pc-windows-msvc": { name: "win32-arm64", os: "win32", cpu: "arm64" },
};

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../../../..");

function parseArguments(words) {
  const options = { programs: [] };
  for (let index = 0; index < words.length; index += 2) {
    const value = words[index + 1];
    if (words[index] === "--program" && value?.includes("=")) options.programs.push(value.split(/=(.*)/s).slice(0, 2));
    else if (["--version", "--out"].includes(words[index]) && value) options[words[index].slice(2)] = value;
    else throw new Error(`expected --version, --out or --program TARGET=FILE, got ${words[index]} ${value ?? ""}`);
  }
  if (!options.version || !options.out) throw new Error("--version and --out are required");
  return options;
}

function write(folder, manifest) {
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const license of ["LICENSE-MIT", "LICENSE-APACHE"]) copyFileSync(join(root, license), join(folder, license));
}

function packProgram(out, version, target, program) {
  const known = TARGETS[target];
  if (!known) throw new Error(`unknown target ${target}: expected one of ${Object.keys(TARGETS).join(", ")}`);
  const folder = join(out, `fal-emulator-${known.name}`);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, basename(program));
  copyFileSync(program, file);
  chmodSync(file, 0o755);
  const text = `The program of [fal-emulator](https://www.npmjs.com/package/fal-emulator) for ${target}.\n`;
  writeFileSync(join(folder, "README.md"), text);
  write(folder, {
    name: `fal-emulator-${known.name}`,
    version,
    description: `The program of fal-emulator for ${target}.`,
    license: "MIT OR Apache-2.0",
    os: [known.os],
    cpu: [known.cpu],
    ...(known.libc && { libc: [known.libc] }),
    preferUnplugged: true,
    files: [basename(program)],
  });
}

function packMain(out, version) {
  const folder = join(out, "fal-emulator");
  const manifest = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
  mkdirSync(folder, { recursive: true });
  for (const file of ["bin", "index.mjs", "index.d.mts", "vitest.mjs", "vitest.d.mts", "platform.mjs", "README.md"]) {
    cpSync(join(here, file), join(folder, file), { recursive: true });
  }
  const names = Object.values(TARGETS).map(({ name }) => [`fal-emulator-${name}`, version]);
  write(folder, { ...manifest, version, optionalDependencies: Object.fromEntries(names) });
}

const { version, out, programs } = parseArguments(process.argv.slice(2));
for (const [target, program] of programs) packProgram(out, version, target, program);
packMain(out, version);
