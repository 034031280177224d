/** ONNX files that Thaw writes: onnx accepts them, ONNX Runtime computes with them what Thaw computes, and their weights are the model's. */
import { afterAll } from "vitest";
import { FunctionalModel, input } from "../../src/nn/model";
import { camelCaseKeys } from "../../src/nn/layers/keras-options";
import { createLayer, knownLayers } from "../../src/nn/layers/registry";
import { operationWriters } from "../../src/loaders/onnx/save/operators/index";
import { writeOnnx } from "../../src/loaders/onnx/save/index";
import { readGolden, type Place } from "../support/fixtures";
import { asLaidOut } from "../support/onnx-numbers";
import { operationExample } from "../support/operation-layer";
import { findOperation } from "../support/operations";
import { interopCase } from "./support/cases";
import { Maker } from "./support/maker";
import { checkExports, type Checked, type Written } from "./support/onnx-exports";

const maker = new Maker();
afterAll(() => maker.stop());

interface GoldenLayer {
  readonly name: string;
  readonly layer: { readonly class_name: string; readonly config: Record<string, unknown> };
  readonly training: boolean;
  readonly inputs: readonly Place[];
  readonly weights: readonly { readonly value: Place }[];
  readonly output: Place;
}

/** What Python refused or computed otherwise, in a line each. */
function failures(results: ReadonlyMap<string, Checked>, tolerance: number): string[] {
  return [...results].flatMap(([id, { refused, error = Number.NaN }]) =>
    refused !== undefined
      ? [`${id}: ${refused}`]
      : error <= tolerance
        ? []
        : [`${id}: error ${error.toExponential(1)}`],
  );
}

/** The layers whose outputs Keras computed for tests/fixtures/layers.json, each as a network of its own, in one of the layouts in turn. */
async function layerNetworks(): Promise<{ written: Written[]; classes: Set<string> }> {
  const golden = await readGolden<{ cases: readonly GoldenLayer[] }>("layers");
  const tensor = (place: Place) => golden.tensor(place);
  const classes = new Set<string>();
  const written: Written[] = [];
  for (const [i, one] of golden.json.cases.entries()) {
    const { class_name, config } = one.layer;
    if (one.training || (class_name === "Activation" && /exponential|softsign/.test(String(config.activation))))
      continue;
    const layer = createLayer(class_name, { ...camelCaseKeys(config), name: one.name });
    const inputs = one.inputs.map((place, k) => input(place.shape.slice(1), { name: `x${k}` }));
    const model = new FunctionalModel({ inputs, outputs: layer.apply(inputs) });
    layer.parameters.forEach((p, k) => {
      p.value = tensor(one.weights[k].value).slice();
    });
    const layout = i % 2 === 0 ? "NCHW" : "NHWC";
    const numbers = (name: string, place: Place) => ({ name, ...asLaidOut(layout, place.shape, tensor(place)) });
    written.push({
      id: one.name,
      bytes: await writeOnnx(model, { layout }),
      inputs: one.inputs.map((place, k) => numbers(`x${k}`, place)),
      outputs: [numbers(one.name, one.output)],
    });
    classes.add(class_name);
  }
  return { written, classes };
}

interopCase("export-onnx/layers", async () => {
  const { written, classes } = await layerNetworks();
  const results = await checkExports(maker, "layers", written);
  const failed = failures(results, 1e-5);
  if (failed.length > 0) throw new Error(failed.join("\n"));
  const error = Math.max(...[...results.values()].map((r) => r.error!));
  const missing = knownLayers().filter((name) => !classes.has(name));
  return {
    error,
    tolerance: 1e-5,
    detail: `${written.length} networks of ${classes.size} classes of layers; without ${missing.join(", ")}`,
  };
});

/** Valid ONNX that ONNX Runtime refuses, or computes by other rules than ONNX's text. */
function beyondRuntime(
  op: string,
  { attrs }: { attrs: any },
  inputs: readonly { name: string; data: Float32Array }[],
): boolean {
  if (op === "windowPool") return attrs.pads.some((n: number, i: number) => n >= attrs.size[i >> 1]);
  if (op === "resize")
    return (attrs.excludeOutside && attrs.mode === "linear") || (attrs.coordinates === "align_corners" && attrs.scales);
  const b = inputs.find((i) => i.name === "b");
  return attrs.kind === "quotient" && (b?.data.some((v) => Math.abs(v) < 1) ?? true);
}

/** Every operation that can be written, by the examples of its contract and in float64 references. */
interopCase("export-onnx/operations", async () => {
  const written: Written[] = [];
  const untried: string[] = [];
  for (const name of Object.keys(operationWriters)) {
    const op = findOperation(name);
    let tried = 0;
    for (const [i, example] of op.cases.entries()) {
      const made = operationExample(op, example);
      if (!made || beyondRuntime(name, example, made.inputs)) continue;
      tried++;
      const layout = i % 2 === 0 ? "NCHW" : "NHWC";
      written.push({
        id: `${name} ${i} ${JSON.stringify(example)}`,
        bytes: await writeOnnx(made.model, { layout }),
        inputs: made.inputs.map(({ name: n, shape, data }) => ({ name: n, ...asLaidOut(layout, shape, data) })),
        outputs: [{ name, ...asLaidOut(layout, made.shape, made.expected) }],
      });
    }
    if (tried === 0) untried.push(name);
  }
  const results = await checkExports(maker, "operations", written);
  const failed = failures(results, 1e-4);
  if (failed.length > 0) throw new Error(failed.join("\n"));
  const error = Math.max(...[...results.values()].map((r) => r.error!));
  return { error, tolerance: 1e-4, detail: `${written.length} examples; none of ${untried.join(", ")}` };
});
