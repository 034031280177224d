/** ONNX files that Thaw writes: onnx accepts them, ONNX Runtime computes with them what Thaw computes, and their weights are the model's. */
import { afterAll, beforeAll } from "vitest";
import {
  adam,
  Dense,
  Dropout,
  GlobalAveragePooling2D,
  requestGpu,
  Sequential,
  type Container,
  type Gpu,
} from "../../src/index";
import { loadModel, withPreprocessing, type PreprocessingOption } from "../../src/loaders/index";
import { permuted } from "../../src/loaders/onnx/host-tensor";
import { Container as Models } from "../../src/nn/model";
import { FunctionalModel, input } from "../../src/nn/model";
import { camelCaseKeys } from "../../src/nn/layers/keras-options";
import { createLayer, knownLayers } from "../../src/nn/layers/registry";
import { operationWriters } from "../../src/loaders/onnx/save/operators/index";
import { writeOnnx, type WriteOnnxOptions } from "../../src/loaders/onnx/save/index";
import { readGolden, type Place } from "../support/fixtures";
import { asLaidOut } from "../support/onnx-numbers";
import { uniform } from "../support/random";
import { fillParameters, layersOnDemand } from "../support/export-networks";
import { readTiles } from "../support/sprite";
import { operationExample } from "../support/operation-layer";
import { findOperation } from "../support/operations";
import { readWritten } from "../support/onnx-written";
import { ScalarOperation } from "../../src/loaders/keras/scalar-operation";
import { readGoldenFile } from "./support/golden";
import { interopCase, relativeError } from "./support/cases";
import { Maker } from "./support/maker";
import { checkExports, type Checked, type Written } from "./support/onnx-exports";

const maker = new Maker();
let gpu: Gpu;
beforeAll(async () => {
  gpu = await requestGpu({ tuning: "off" });
});
afterAll(() => {
  maker.stop();
  gpu.dispose();
});

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
  // Those that Keras has outside its public layers are in the network of rare ones below.
  const elsewhere = new Set(["CustomScaleLayer", "Identity", "InputLayer", "LayerScale"]);
  const missing = knownLayers().filter((name) => !classes.has(name) && !elsewhere.has(name));
  if (missing.length > 0) throw new Error(`no network has ${missing.join(", ")}`);
  return { error, tolerance: 1e-5, detail: `${written.length} networks of ${classes.size} classes of layers` };
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
      // ONNX Runtime turns a Resize beside a transpose to channels last, where it then refuses cubic kernels.
      const layout = i % 2 === 0 || name === "resize" ? "NCHW" : "NHWC";
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
  if (untried.length > 0) throw new Error(`no example of ${untried.join(", ")} could be written`);
  return {
    error,
    tolerance: 1e-4,
    detail: `${written.length} examples of ${Object.keys(operationWriters).length} operations`,
  };
});

const batch = 2;

/** Pixels of 0 to 255 for images, numbers around 0 for the rest. */
function samples(shape: readonly number[], pixels: boolean): Float32Array {
  const random = uniform(11);
  const count = batch * shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({ length: count }, () => (pixels ? Math.floor(256 * random()) : 2 * random() - 1));
}

async function predictions(model: Container, x: Float32Array): Promise<Float32Array> {
  await model.compile({ gpu });
  try {
    return await model.predict(x, { batchSize: batch });
  } finally {
    model.dispose();
  }
}

/** Weights that are not, bit for bit, those of the file once filters are turned back. */
function wrongWeights(model: Container, { initializers }: Checked): string[] {
  const depthwise = new Set(
    model
      .flatLayers()
      .flatMap((l) => (/^(Depthwise|Separable)Conv2D$/.test(l.className) ? l.parameters.slice(0, 1) : [])),
  );
  const attention = new Set(
    model.flatLayers().flatMap((l) => (l.className === "MultiHeadAttention" ? l.parameters : [])),
  ); // matrices in the file, whose numbers lie the same way
  return model.allParameters().flatMap((p) => {
    const found = initializers.get(p.path);
    if (!found) return [`${p.path} is not in the file`];
    let { data } = found;
    if (p.shape.length === 3 && !attention.has(p))
      data = permuted(
        data,
        [2, 0, 1].map((d) => p.shape[d]),
        [1, 2, 0],
      ) as Float32Array;
    if (p.shape.length === 4) {
      const [kh, kw, a, b] = p.shape;
      const [dims, back] = depthwise.has(p)
        ? [
            [a, b, kh, kw],
            [2, 3, 0, 1],
          ]
        : [
            [b, a, kh, kw],
            [2, 3, 1, 0],
          ];
      data = permuted(data, dims, back) as Float32Array;
    }
    const bits = (numbers: Float32Array) => new Uint32Array(numbers.slice().buffer);
    const [mine, theirs] = [bits(p.value), bits(data)];
    return mine.length === theirs.length && mine.every((v, i) => v === theirs[i]) ? [] : [`${p.path} differs`];
  });
}

/** One network in several forms: ONNX Runtime's predictions and weights, and what it predicts when it is loaded again. */
async function compareNetwork(
  name: string,
  model: Container,
  forms: readonly WriteOnnxOptions[],
  {
    reload = forms.slice(0, 1),
    preprocessing,
  }: { reload?: readonly WriteOnnxOptions[]; preprocessing?: PreprocessingOption } = {},
) {
  const shape = [batch, ...model.inputShape];
  const asked = preprocessing === undefined ? model : withPreprocessing(model, preprocessing);
  const pixels = forms.some((f) => f.preprocessing);
  const x = samples(model.inputShape, pixels);
  const expected = await predictions(asked, x);
  const spread = Math.max(...expected) - Math.min(...expected);
  if (!(spread > 0)) throw new Error(`${name} predicts ${expected[0]} whatever it is given, which shows nothing`);
  model.assignPaths(); // which the model around it changed
  const output = { name: model.outputs[0].layer.name, shape: [batch, ...model.outputs[0].shape] };
  const written: Written[] = [];
  for (const form of forms) {
    const layout = form.layout ?? "NCHW";
    written.push({
      id: JSON.stringify(form),
      bytes: await writeOnnx(model, form),
      inputs: [{ name: model.inputs[0].layer.name, ...asLaidOut(layout, shape, x) }],
      outputs: [{ name: output.name, ...asLaidOut(layout, output.shape, expected) }],
      weights: !form.foldBatchNormalization,
    });
  }
  const results = await checkExports(maker, name, written);
  const wrong = [...results].flatMap(([id, found], i) =>
    found.refused !== undefined
      ? [`${id}: ${found.refused}`]
      : forms[i].foldBatchNormalization
        ? []
        : wrongWeights(model, found).map((what) => `${id}: ${what}`),
  );
  if (wrong.length > 0) throw new Error(wrong.slice(0, 20).join("\n"));
  let error = Math.max(...[...results.values()].map((r) => r.error!));
  for (const form of reload) {
    const back = await loadModel(await writeOnnx(model, form));
    const flags = (m: Container) => m.allParameters().filter((p) => p.trainable).length;
    if (!form.foldBatchNormalization && flags(back) !== flags(model))
      throw new Error(`${flags(back)} weights are trainable after loading again; expected ${flags(model)}`);
    const second = await writeOnnx(back, form);
    if (Buffer.compare(second, await writeOnnx(await loadModel(second), form)) !== 0)
      throw new Error(`${JSON.stringify(form)}: the file still changes when it is saved for the third time`);
    error = Math.max(error, relativeError(await predictions(back, x), expected));
  }
  return {
    error,
    tolerance: 1e-4,
    detail: `${forms.length} forms, ${reload.length} loaded again, ${written[0].bytes.length} bytes`,
  };
}

const everyForm: readonly WriteOnnxOptions[] = [
  {},
  { layout: "NHWC" },
  { foldBatchNormalization: true },
  { layout: "NHWC", foldBatchNormalization: true },
];

interopCase(
  "export-onnx/embedded",
  async () => {
    const whole = await loadModel("assets/thaw_cifar8.keras");
    const base = whole.upTo("global_average_pooling2d");
    base.trainable = false;
    const model = new Sequential(
      [base, new Dropout({ name: "dropout", rate: 0.2, seed: 1 }), new Dense({ name: "head", units: 2 })],
      { name: "cats" },
    );
    const tiles = Array.from({ length: 32 }, (_, i) => i);
    const x = await readTiles(tiles);
    const y = Uint8Array.from(tiles, (i) => i % 2);
    const data = { x, y, shape: model.inputShape };
    await model.compile({ gpu, optimizer: adam(1e-3), loss: "sparseCategoricalCrossentropy" });
    await model.fit(data, { epochs: 2, batchSize: 16 });
    base.freezeUpTo(base.flatLayers()[30].name);
    await model.fit(data, { epochs: 1, batchSize: 16, optimizer: adam(1e-4) });
    await model.readWeights();
    model.dispose();
    return await compareNetwork("embedded", model, everyForm, { reload: everyForm.slice(0, 3) });
  },
  120_000,
);

interopCase(
  "export-onnx/mobilenet_v2 in a model",
  async () => {
    const stem = await maker.make("keras:mobilenet_v2");
    const base = await loadModel(`${stem}.keras`);
    if (!(base instanceof Models)) throw new Error("expected a model");
    const features = base.upTo("out_relu");
    features.freezeUpTo("block_8_add");
    const x = input([32, 32, 3], { name: "photo" });
    let y = features.apply(x, { training: false });
    y = new GlobalAveragePooling2D({ name: "pool" }).apply(y);
    const outputs = new Dense({ name: "cats", units: 3, seed: 4 }).apply(y);
    const model = new FunctionalModel({ inputs: x, outputs, name: "transfer" });
    model.preprocessing = base.preprocessing!;
    const preprocessed = everyForm.map((form) => ({ ...form, preprocessing: true }));
    const plain = await compareNetwork("mobilenet-v2", model, everyForm);
    const pixels = await compareNetwork("mobilenet-v2-pixels", model, preprocessed, { preprocessing: "tf" });
    return {
      ...plain,
      error: Math.max(plain.error, pixels.error),
      detail: `${plain.detail}; with preprocessing ${pixels.error.toExponential(1)}`,
    };
  },
  120_000,
);

interopCase(
  "export-onnx/resnet50",
  async () => {
    const stem = await maker.make("keras:resnet50");
    try {
      const whole = await loadModel(`${stem}.keras`, { inputShape: [64, 64, 3] });
      const model = whole.upTo("conv5_block3_out"); // an image, and nothing that a softmax hides
      model.preprocessing = { mode: "caffe", channels: "bgr", scale: [1], offset: [-103.939, -116.779, -123.68] };
      const pixels = [
        { preprocessing: true },
        { preprocessing: true, layout: "NHWC" as const, foldBatchNormalization: true },
      ];
      return await compareNetwork("resnet50", model, pixels, { reload: [], preprocessing: "caffe" });
    } finally {
      maker.forget("keras:resnet50", stem);
    }
  },
  120_000,
);

/** What no other network here has: classes of layers inside keras.applications, arithmetic with numbers, shared layers, several outputs of a layer's kind. */
interopCase("export-onnx/rare layers", async () => {
  const x = input([6, 6, 4], { name: "x" });
  const shared = new Dense({ name: "shared", units: 4, activation: "gelu", seed: 5 });
  let y = createLayer("LayerScale", { name: "gamma", initValues: 0.5, projectionDim: 4 }).apply(shared.apply(x));
  y = createLayer("CustomScaleLayer", { name: "residual", scale: 0.2 }).apply([x, y]);
  y = createLayer("Identity", { name: "same" }).apply(y);
  y = createLayer("PReLU", { name: "leaky" }).apply(y);
  for (const [i, operation] of (["Add", "Subtract", "Multiply", "Divide"] as const).entries())
    y = new ScalarOperation({
      name: `number_${i}`,
      operation,
      value: 1.5,
      numberFirst: operation === "Subtract",
    }).apply(y);
  y = createLayer("SeparableConv2D", {
    name: "separable",
    filters: 3,
    kernelSize: 3,
    strides: 2,
    padding: "same",
  }).apply(shared.apply(y));
  const model = new FunctionalModel({ inputs: x, outputs: y, name: "rare" });
  return await compareNetwork("rare", model, everyForm, { reload: everyForm });
});

interopCase("export-onnx/layers on demand", async () => {
  const model = fillParameters(await layersOnDemand()) as FunctionalModel;
  // Folded, a layer of several operations comes back as those, whose names take some rounds to settle.
  const reload = everyForm.filter((form) => !form.foldBatchNormalization);
  return await compareNetwork("on-demand", model, everyForm, { reload });
});

/** Networks of Keras, against what Keras computes; the others with THAW_LONG=1. */
const families = [
  "mobilenet_v3_small",
  ...(process.env.THAW_LONG
    ? [
        "mobilenet",
        "resnet50_v2",
        "efficientnet_b0",
        "efficientnet_v2_b0",
        "vgg16",
        "xception",
        "inception_v3",
        "inception_resnet_v2",
        "densenet121",
        "nasnet_mobile",
        "convnext_tiny",
      ]
    : []),
];
for (const family of families)
  interopCase(
    `export-onnx/${family} of Keras`,
    async () => {
      const request = `keras:${family}`;
      const stem = await maker.make(request);
      try {
        const { json, tensor } = readGoldenFile<{ input: Place; output: Place }>(stem);
        const model = await loadModel(`${stem}.keras`);
        const written: Written[] = [];
        for (const form of everyForm)
          written.push({
            id: JSON.stringify(form),
            bytes: await writeOnnx(model, form),
            inputs: [
              {
                name: model.inputs[0].layer.name,
                ...asLaidOut(form.layout ?? "NCHW", json.input.shape, tensor(json.input)),
              },
            ],
            outputs: [{ name: model.outputs[0].layer.name, shape: json.output.shape, data: tensor(json.output) }],
          });
        const transposes = readWritten(written[0].bytes).ops.filter((op) => op === "Transpose").length;
        const results = await checkExports(maker, family.replaceAll("_", "-"), written);
        const failed = failures(results, 1e-4);
        if (failed.length > 0) throw new Error(failed.join("\n"));
        const error = Math.max(...[...results.values()].map((r) => r.error!));
        return { error, tolerance: 1e-4, detail: `${transposes} transposes` };
      } finally {
        maker.forget(request, stem);
      }
    },
    120_000,
  );

for (const name of ["cnn.ts", "cnn.dy", "vit.ts", "vit.dy"])
  interopCase(`export-onnx/${name} of PyTorch`, async () => {
    const model = await loadModel(`tests/fixtures/onnx/${name}.onnx`);
    return await compareNetwork(name.replace(".", "-"), model, everyForm, { reload: everyForm });
  });
