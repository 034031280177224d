/** ONNX's own tests of its operators, on the GPU: a case for each operator that imported networks need, and one for all others. */
import { afterAll, beforeAll } from "vitest";
import { requestGpu, type Gpu } from "../../src/index";
import { runNodeTest, Unsupported } from "../support/onnx-node";
import { firstLine, interopCase, recordFacts } from "./support/cases";
import { Maker } from "./support/maker";
import { knownRefusal, listedOperators, readNodeTests, type NodeTest, type StoredTensor } from "./support/node-tests";

const [relative, absolute] = [1e-3, 1e-5]; // what ONNX Runtime is held to with these tests

interface Counts {
  passed: number;
  failed: number;
  unsupported: number;
}

type Result = { readonly test: NodeTest; readonly kind: keyof Counts; readonly reason: string };

const maker = new Maker();
const byOperator: Record<string, Counts> = {};
const results: Result[] = [];
let gpu: Gpu;
let tests: readonly NodeTest[];
beforeAll(async () => {
  gpu = await requestGpu({ tuning: "off" });
  tests = readNodeTests(await maker.make("node-tests:all"));
});
afterAll(() => {
  record();
  maker.stop();
  gpu.dispose();
});

for (const operator of [...listedOperators, "others"])
  interopCase(`onnx-node/${operator}`, async () => {
    const own = tests.filter((test) =>
      operator === "others" ? !listedOperators.includes(test.operator) : test.operator === operator,
    );
    if (own.length === 0) throw new Error(`there is no test of ${operator}`);
    const found: Result[] = [];
    for (const test of own) found.push({ test, ...(await run(test)) });
    results.push(...found);
    byOperator[operator] = count(found);
    // What is listed works with float32; other types of number, and operators that no network here has, may be refused.
    const wrong = found.filter(
      ({ test, kind }) =>
        kind === "failed" ||
        (kind === "unsupported" && operator !== "others" && test.float32 && knownRefusal(test) === undefined),
    );
    const { passed, failed, unsupported } = byOperator[operator];
    const summary = `${passed} passed, ${failed} failed, ${unsupported} unsupported`;
    if (wrong.length > 0) throw new Error(`${summary}; ${wrong.map((r) => `${r.test.name}: ${r.reason}`).join("; ")}`);
    const refused = new Set(found.flatMap((r) => (r.kind === "unsupported" ? (knownRefusal(r.test) ?? []) : [])));
    const detail = refused.size > 0 ? `${summary}: ${[...refused].join(", ")}` : summary;
    return { error: null, tolerance: 0, detail };
  });

interopCase("onnx-node/float32", async () => {
  const float32 = count(results.filter((r) => listedOperators.includes(r.test.operator) && r.test.float32));
  const all = float32.passed + float32.failed + float32.unsupported;
  if (all === 0) throw new Error("no test with float32 data ran; expected those of the listed operators before");
  const detail = `${float32.passed} of ${all} tests with float32 data pass`;
  return { error: 1 - float32.passed / all, tolerance: 0.1, detail };
});

async function run(test: NodeTest): Promise<Omit<Result, "test">> {
  const odd = [...test.inputs, ...test.outputs].find((t) => t.kind !== undefined);
  if (odd) return { kind: "unsupported", reason: `${odd.name} is of the type ${odd.kind}` };
  try {
    const actual = await runNodeTest(gpu, test.model, test.inputs);
    for (const [i, expected] of test.outputs.entries()) {
      const reason = difference(actual[i], expected);
      if (reason !== "") return { kind: "failed", reason };
    }
    return { kind: "passed", reason: "" };
  } catch (error) {
    return { kind: error instanceof Unsupported ? "unsupported" : "failed", reason: firstLine(error).slice(0, 160) };
  }
}

/** What differs, or "". */
function difference(actual: { dims: readonly number[]; data: ArrayLike<number> } | undefined, expected: StoredTensor) {
  if (!actual) return `${expected.name} is missing`;
  if (actual.dims.join() !== expected.dims.join())
    return `${expected.name} is [${actual.dims.join(", ")}]; expected [${expected.dims.join(", ")}]`;
  for (let i = 0; i < expected.data.length; i++) {
    const [a, e] = [actual.data[i], expected.data[i]];
    const same = Object.is(a, e) || a === e || Math.abs(a - e) <= absolute + relative * Math.abs(e);
    if (!same) return `${expected.name}[${i}] is ${a}; expected ${e}`;
  }
  return "";
}

function count(found: readonly Result[]): Counts {
  const counts = { passed: 0, failed: 0, unsupported: 0 };
  for (const { kind } of found) counts[kind]++;
  return counts;
}

/** The counts are of the listed operators; `others` stands beside them. */
function record(): void {
  const { others, ...listed } = byOperator;
  const ofListed = results.filter((r) => listedOperators.includes(r.test.operator));
  const float32 = ofListed.filter((r) => r.test.float32);
  const reasons = results
    .filter((r) => r.kind !== "passed")
    .map(({ test, kind, reason }) => ({ test: test.name, operator: test.operator, kind, reason }));
  recordFacts({
    onnxNodeTests: { ...count(ofListed), float32: count(float32), byOperator: listed, others, notPassed: reasons },
  });
}
