// What the interop run has found, of the lines that its tests left in out/interop: as one object, and as a table.
import fs from "node:fs";
import path from "node:path";

/**
 * @typedef {{ id: string, ok: boolean, error: number | null, detail: string }} Case
 * @typedef {{ passed: number, failed: number, unsupported: number }} Counts
 * @typedef {Counts & { byOperator?: Record<string, Counts> }} NodeTests
 * @typedef {{ cases: Case[], onnxNodeTests: NodeTests, [fact: string]: unknown }} Report
 */

/** @param {string} file */
function readLines(file) {
  if (!fs.existsSync(file)) return [];
  return fs
    .readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/**
 * @param {string} folder
 * @returns {Report}
 */
export function makeReport(folder) {
  /** @type {Case[]} */
  const cases = [];
  // A test that ran again, or went on after its time was up, has left two lines: the last counts.
  for (const found of readLines(path.join(folder, "cases.jsonl"))) {
    const before = cases.findIndex((c) => c.id === found.id);
    if (before >= 0) cases[before] = found;
    else cases.push(found);
  }
  for (const { id, message } of failures(path.join(folder, "results.json"))) {
    const known = cases.find((c) => c.id === id);
    if (!known) cases.push({ id, ok: false, error: null, detail: message });
    else if (known.ok) Object.assign(known, { ok: false, detail: message }); // e.g. after its time was up
  }
  const facts = Object.assign({}, ...readLines(path.join(folder, "facts.jsonl")));
  return { cases, onnxNodeTests: { passed: 0, failed: 0, unsupported: 0 }, ...facts };
}

/**
 * Tests that failed, and files that did not get as far as a test, by Vitest's report.
 * @param {string} file
 */
function failures(file) {
  if (!fs.existsSync(file)) return [];
  /** @type {{ testResults: { name: string, status: string, message: string,
   *           assertionResults: { title: string, status: string, failureMessages: string[] }[] }[] }} */
  const { testResults } = JSON.parse(fs.readFileSync(file, "utf8"));
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    if (status === "failed" && assertionResults.length === 0)
      return [{ id: path.basename(name), message: firstLine(message) }];
    return assertionResults
      .filter((test) => test.status === "failed")
      .map((test) => ({ id: test.title, message: firstLine(test.failureMessages[0] ?? "failed") }));
  });
}

/** @param {string} text */
const firstLine = (text) => text.split("\n")[0].slice(0, 600);

/** @param {Report} report */
export function printReport({ cases, onnxNodeTests }) {
  const width = Math.max(4, ...cases.map((c) => c.id.length));
  console.log(`\n${"case".padEnd(width)}  agrees  error    `);
  for (const { id, ok, error, detail } of cases)
    console.log(
      `${id.padEnd(width)}  ${ok ? "yes   " : "NO    "}  ${error === null ? "-      " : error.toExponential(1).padEnd(7)}  ${detail}`,
    );
  const operators = Object.entries(onnxNodeTests.byOperator ?? {});
  if (operators.length === 0) return;
  console.log(`\n${"ONNX node tests".padEnd(28)} passed  failed  unsupported`);
  for (const [name, counts] of [...operators, /** @type {const} */ (["all", onnxNodeTests])])
    console.log(
      `${name.padEnd(28)} ${[counts.passed, counts.failed, counts.unsupported].map((n) => String(n).padStart(6)).join("  ")}`,
    );
}
