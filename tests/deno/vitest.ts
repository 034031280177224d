/**
 * As much of Vitest as the suites of kernels and of f16 use, for a runtime that Vitest does not run in: tools/deno-tests.mjs puts
 * it in Vitest's place. Tests run one after the other.
 */
type Test = (context: { skip: (reason: string) => never }) => unknown;

class Skipped extends Error {}

const tests: { name: string; body: Test }[] = [];
const path: string[] = [];
const hooks: { before: (() => unknown)[]; after: (() => unknown)[] } = { before: [], after: [] };

export function describe(name: string, body: () => void): void {
  path.push(name);
  body();
  path.pop();
}

export function it(name: string, body: Test): void {
  tests.push({ name: [...path, name].join(" > "), body });
}

export const beforeAll = (hook: () => unknown): void => void hooks.before.push(hook);
export const afterAll = (hook: () => unknown): void => void hooks.after.push(hook);

export function expect(actual: any, message = "") {
  const check = (holds: boolean, expected: string) => {
    if (!holds) throw new Error(`${message} received ${String(actual)}, expected ${expected}`);
  };
  return {
    toBe: (v: unknown) => check(Object.is(actual, v), String(v)),
    toBeDefined: () => check(actual !== undefined, "a value"),
    toBeGreaterThan: (v: number) => check(actual > v, `more than ${v}`),
    toBeLessThan: (v: number) => check(actual < v, `less than ${v}`),
    toBeLessThanOrEqual: (v: number) => check(actual <= v, `at most ${v}`),
    toHaveLength: (v: number) => check(actual.length === v, `${v} elements, of ${actual.length}`),
  };
}

/** Runs the tests whose name has `part` in it; returns how many failed. No test at all is a failure too. */
export async function runTests(part = ""): Promise<number> {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const hook of hooks.before) await hook();
  for (const { name, body } of tests.filter((t) => t.name.includes(part))) {
    try {
      await body({
        skip: (reason) => {
          throw new Skipped(reason);
        },
      });
      count.passed++;
      console.log(`passed   ${name}`);
    } catch (error) {
      const skipped = error instanceof Skipped;
      count[skipped ? "skipped" : "failed"]++;
      console.log(
        `${skipped ? "skipped " : "FAILED  "} ${name}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
  for (const hook of hooks.after) await hook();
  console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  return count.passed + count.failed === 0 ? 1 : count.failed;
}
