// npm test: finds or installs a browser, runs every test, and closes with one line of counts.
//
// Arguments go to Vitest: `npm test -- --project gpu`, `npm test -- -t softmax`. The reports stay in out/tests/.
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBrowser, findFirefox } from "./find-browser.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const reports = path.join(root, "out/tests");

fs.rmSync(reports, { recursive: true, force: true });
fs.mkdirSync(reports, { recursive: true });
const browser = ensuredBrowser();
console.log(`browser: ${browser}; adapter: ${process.env.THAW_ADAPTER ?? "swiftshader"}`);
console.log(`second browser: ${firefox()}`);

const asked = process.argv.slice(2);
// Software adapters keep little more than one core busy: on two cores, half of the projects run beside the other half. The
// page's own tests come last and alone, for they wait for what should take moments.
const lanes =
  asked.length > 0 ? [[asked]] : [[projects("unit", "node-gpu"), projects("gpu", "firefox")], [projects("e2e")]];
const statuses = [];
for (const together of lanes) statuses.push(...(await Promise.all(together.map(runVitest))));

const { passed, failed, skipped } = count();
if (skipped > 0) console.log(`${skipped} skipped`);
// Vitest also fails for what is no test, such as an error that nobody caught. No test at all is a failure too.
const failures = failed === 0 && (statuses.some((status) => status !== 0) || passed === 0) ? 1 : failed;
close(passed, failures);

/** @param {string[]} names */
function projects(...names) {
  // Where no Firefox was found there is no such project.
  const found = names.filter((name) => name !== "firefox" || findFirefox().firefox !== undefined);
  return found.flatMap((name) => ["--project", name]);
}

/**
 * The first of several is heard while it runs, the others when they have ended: their lines would mix.
 * @param {string[]} options
 * @param {number} index
 * @returns {Promise<number | null>} the exit status
 */
function runVitest(options, index) {
  const report = path.join(reports, `${reportName(options)}.json`);
  const vitest = path.join(root, "node_modules/vitest/vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const log = path.join(reports, `${reportName(options)}.log`);
  const output = index === 0 ? "inherit" : fs.openSync(log, "w");
  const child = spawn(process.execPath, [vitest, "run", ...reporters, ...options], {
    cwd: root,
    stdio: ["ignore", output, output],
    env: { ...process.env, CHROME_PATH: browser },
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => {
      if (typeof output === "number") {
        fs.closeSync(output);
        process.stdout.write(fs.readFileSync(log));
      }
      resolve(status);
    });
  });
}

/** @param {string[]} options */
function reportName(options) {
  return `results-${asked.length > 0 ? "asked" : options.filter((option) => option !== "--project").join("-")}`;
}

/** Which Firefox runs its part, or why none does. */
function firefox() {
  try {
    const found = findFirefox();
    if (found.firefox === undefined) return `left out, for ${found.reason}`;
    return `${found.firefox}; adapter: ${process.env.THAW_ADAPTER ?? "llvmpipe"}`;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return close(0, 1);
  }
}

/** @returns {string} */
function ensuredBrowser() {
  try {
    return ensureBrowser();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return close(0, 1);
  }
}

/**
 * Prints the closing line, leaves it for .ci/run, and ends.
 * @param {number} passed
 * @param {number} failed
 * @returns {never}
 */
function close(passed, failed) {
  const line = `${passed} passed, ${failed} failed`;
  fs.writeFileSync(path.join(reports, "counts.txt"), `${line}\n`);
  console.log(line);
  process.exit(failed === 0 ? 0 : 1);
}

/** Of all reports together. */
function count() {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const name of fs.readdirSync(reports).filter((file) => /^results-.*\.json$/.test(file))) {
    /** @type {{ numPassedTests: number, numPendingTests: number, numTodoTests: number, numFailedTests: number,
     *           testResults: { status: string, assertionResults: unknown[] }[] }} */
    const results = JSON.parse(fs.readFileSync(path.join(reports, name), "utf8"));
    const broken = results.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
    sum.passed += results.numPassedTests;
    sum.failed += results.numFailedTests + broken.length;
    sum.skipped += results.numPendingTests + results.numTodoTests;
  }
  return sum;
}
