/** Prediction of a whole network from images on the host to logits on the host, beside TF.js and ONNX Runtime Web. */
import { interleave, type Contestant } from "../measure/timing";
import type { Network } from "../networks/layers";
import { relativeError } from "../random";
import { ratioOf, type Row } from "../result";
import { onnxBytes } from "../systems/onnx";
import { buildThaw } from "../systems/thaw";
import { buildTfjs, tf, type Tensor } from "../systems/tfjs";
import { batchOf } from "./batch";
import { attempt, checkAgreement, type Context } from "./context";

type Predict = () => Promise<Float32Array>;

export async function inferenceRows(network: Network, context: Context): Promise<Row[]> {
  const { gpu, absences } = context;
  const id = `inference/${network.name}`;
  if (!context.wants(id)) return [];
  context.say(id);
  absences.note(id, "jaxjs", "jax-js has no layers; its importer of ONNX is a package of its own, left out here");
  const { batch, size } = network;
  const x = batchOf(network).x as Float32Array;
  const model = buildThaw(network);
  await model.compile({ gpu });
  const expected = await model.predict(x, { batchSize: batch });
  const contestants: Contestant[] = [
    { name: "thaw", run: async (n) => await each(() => model.predict(x, { batchSize: batch }), n) },
  ];
  const parity: string[] = [];
  const join = async (name: "tfjs" | "ort", predict: Predict) => {
    parity.push(`${name}: ${checkAgreement(`${id}: ${name}`, relativeError(await predict(), expected))}`);
    contestants.push({ name, run: async (n) => await each(predict, n), prepare: () => Promise.resolve() });
  };

  const other = buildTfjs(network, (name) => model.getLayer(name).parameters);
  await attempt(context, id, "tfjs", async () => {
    await join("tfjs", async () => {
      const images = tf.tensor4d(x, [batch, size, size, 3]);
      const logits = other.predict(images) as Tensor;
      const data = (await logits.data()) as Float32Array;
      tf.dispose([images, logits]);
      return data;
    });
  });
  const ort = await attempt(context, id, "ort", async () => {
    if ("missing" in context.ort) throw new Error(context.ort.missing);
    const { startOrt } = await import("../systems/ort");
    const bytes = onnxBytes(network, batch, (name) => model.getLayer(name).parameters);
    const session = await startOrt(context.ort.wasm, bytes, [batch, 3, size, size]);
    const images = channelsFirst(x, batch, size * size);
    await join("ort", async () => await session.predict(images));
    return session;
  });
  const times = await interleave(contestants, context.pace());
  await ort?.dispose();
  other.dispose();
  model.dispose();
  return [
    {
      id,
      unit: "ms",
      thaw: times.thaw,
      ...(times.tfjs && { tfjs: times.tfjs, ratio: ratioOf(times.thaw, times.tfjs) }),
      ...(times.ort && { ort: times.ort }),
      parity: parity.join("; "),
      note: `batch ${batch}; images are written and logits read in each call`,
    },
  ];
}

async function each(action: () => Promise<unknown>, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await action();
}

/** [batch, pixels, 3] as [batch, 3, pixels]. */
function channelsFirst(x: Float32Array, batch: number, pixels: number): Float32Array {
  const result = new Float32Array(x.length);
  for (let n = 0; n < batch; n++)
    for (let p = 0; p < pixels; p++)
      for (let c = 0; c < 3; c++) result[(n * 3 + c) * pixels + p] = x[(n * pixels + p) * 3 + c];
  return result;
}
