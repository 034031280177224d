// npm test: finds or installs a browser, runs every test, and closes with one line of counts.
//
// Arguments go to Vitest: `npm test -- --project gpu`, `npm test -- -t softmax`. The report stays in out/tests/.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBrowser, findFirefox } from "./find-browser.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const report = path.join(root, "out/tests/results.json");

fs.rmSync(path.dirname(report), { recursive: true, force: true });
const browser = ensuredBrowser();
console.log(`browser: ${browser}; adapter: ${process.env.THAW_ADAPTER ?? "swiftshader"}`);
console.log(`second browser: ${firefox()}`);

const vitest = path.join(root, "node_modules/vitest/vitest.mjs");
const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
const { status } = spawnSync(process.execPath, [vitest, "run", ...reporters, ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, CHROME_PATH: browser },
});

const { passed, failed, skipped } = count();
if (skipped > 0) console.log(`${skipped} skipped`);
// Vitest also fails for what is no test, such as an error that nobody caught. No test at all is a failure too.
const failures = failed === 0 && (status !== 0 || passed === 0) ? 1 : failed;
close(passed, failures);

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
  fs.mkdirSync(path.dirname(report), { recursive: true });
  fs.writeFileSync(path.join(path.dirname(report), "counts.txt"), `${line}\n`);
  console.log(line);
  process.exit(failed === 0 ? 0 : 1);
}

function count() {
  if (!fs.existsSync(report)) return { passed: 0, failed: 0, skipped: 0 };
  /** @type {{ numPassedTests: number, numPendingTests: number, numTodoTests: number, numFailedTests: number,
   *           testResults: { status: string, assertionResults: unknown[] }[] }} */
  const results = JSON.parse(fs.readFileSync(report, "utf8"));
  const broken = results.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + broken.length,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}
