// npm run test:interop: Thaw against Keras, ONNX Runtime and their files, with whole networks.
//
// Makes a Python environment in out/interop/venv, sees to TF.js in bench/node_modules, runs the Vitest project `interop`, prints a table, writes out/interop.json and
// closes with a line of counts as npm test does. Arguments go to Vitest: `npm run test:interop -- -t mobilenet`.
// THAW_LONG=1 takes what is too long for every run too; THAW_KEEP=1 keeps files of every size for the next run.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { installBenchPackages } from "./bench-packages.mjs";
import { ensureBrowser } from "./find-browser.mjs";
import { makeReport, printReport } from "./interop-report.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = path.join(root, "out/interop");
const requirements = path.join(root, "tools/requirements-interop.txt");
const venv = path.join(folder, "venv");
const python = path.join(venv, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");

fs.mkdirSync(folder, { recursive: true });
for (const name of ["cases.jsonl", "facts.jsonl", "results.json", "counts.txt"])
  fs.rmSync(path.join(folder, name), { force: true });

let browser = "";
try {
  browser = ensureBrowser(); // for the software driver it brings
  installPython();
  installBenchPackages(path.join(root, "bench"), (text) => console.log(`interop: ${text}`)); // TF.js
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  close(0, 1);
}

const vitest = path.join(root, "node_modules/vitest/vitest.mjs");
const json = path.join(folder, "results.json");
const options = ["--project", "interop", "--reporter=default", "--reporter=json", `--outputFile.json=${json}`];
const { status } = spawnSync(process.execPath, [vitest, "run", ...options, ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, CHROME_PATH: browser, THAW_INTEROP_PYTHON: python, THAW_INTEROP_FILES: cacheFolder() },
});

const report = makeReport(folder);
fs.writeFileSync(path.join(root, "out/interop.json"), `${JSON.stringify(report, null, 1)}\n`);
printReport(report);
const passed = report.cases.filter((c) => c.ok).length;
const failed = report.cases.length - passed;
// Vitest also fails for what is no test; and a run of nothing has shown nothing.
close(passed, failed === 0 && (status !== 0 || passed === 0) ? 1 : failed);

/** A Python environment with what tools/requirements-interop.txt names, made again only when that has changed. */
function installPython() {
  const wanted = fs.readFileSync(requirements, "utf8");
  const stamp = path.join(venv, "installed.txt");
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === wanted) return;
  const begin = Date.now();
  console.log("interop: installing Keras, TensorFlow, PyTorch and ONNX Runtime into out/interop/venv");
  fs.rmSync(venv, { recursive: true, force: true });
  const base = process.env.PYTHON ?? "python3";
  step(
    base,
    ["-m", "venv", venv],
    "Python 3.11 with venv (Debian: apt-get install python3-venv), or PYTHON=/path/to/it",
  );
  const pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", requirements];
  step(python, pip, "that pip can install every package of tools/requirements-interop.txt (2 GB)");
  fs.writeFileSync(stamp, wanted);
  console.log(`interop: installed in ${Math.round((Date.now() - begin) / 1000)} s`);
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} expected
 */
function step(command, args, expected) {
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (status === 0) return;
  const reason = error ? error.message : `ended with status ${status}`;
  throw new Error(`interop: ${command} ${args.join(" ")}: ${reason}; expected ${expected}.`);
}

/** Where Python keeps what it made: another folder after each change of the scripts, and the old ones are deleted. */
function cacheFolder() {
  const scripts = fs.readdirSync(path.join(root, "tools")).filter((name) => /^(interop_.*|common)\.py$/.test(name));
  const hash = createHash("sha256").update(fs.readFileSync(requirements));
  for (const name of scripts.toSorted()) hash.update(fs.readFileSync(path.join(root, "tools", name)));
  const current = `files-${hash.digest("hex").slice(0, 12)}`;
  for (const name of fs.readdirSync(folder))
    if (name.startsWith("files-") && name !== current)
      fs.rmSync(path.join(folder, name), { recursive: true, force: true });
  return path.join("out/interop", current); // relative, as messages name files
}

/**
 * Prints the closing line, leaves it for .ci/run, and ends.
 * @param {number} passed
 * @param {number} failed
 * @returns {never}
 */
function close(passed, failed) {
  const line = `${passed} passed, ${failed} failed`;
  fs.writeFileSync(path.join(folder, "counts.txt"), `${line}\n`);
  console.log(line);
  process.exit(failed === 0 ? 0 : 1);
}
