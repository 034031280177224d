/** Single operations in all three directions, Thaw beside TF.js, with the share of what the adapter can do. */
import { Recording, type BufferRange } from "../../src/gpu/recorder";
import type { Gpu } from "../../src/index";
import { describeLaunch, readInterface } from "../../src/kernels/kernel";
import { chooseVariant, elements, type AdapterTraits, type Operation, type Shape } from "../../src/kernels/operation";
import { findOperation } from "../../src/kernels/registry";
import type { Peaks } from "./peaks";
import type { Row } from "./suite";
import { tf } from "./tfjs";
import { interleave } from "./timing";

interface Problem {
  readonly id: string;
  readonly op: string;
  readonly attrs: object;
  readonly inputs: Readonly<Record<string, Shape>>;
  /** The same by TF.js's kernels, on tensors of the inputs. */
  readonly tfjs: (t: Readonly<Record<string, import("@tensorflow/tfjs-core").Tensor>>) => unknown;
}

const run = (kernel: string, inputs: object, attrs: object): unknown =>
  tf.engine().runKernel(kernel, inputs as never, attrs as never);

function convolution(id: string, x: Shape, filter: readonly [number, number], depthwise = false): Problem[] {
  const [size, filters] = filter;
  const channels = x[3];
  const pad = (size - 1) / 2;
  const attrs = { strides: [1, 1], dilation: [1, 1], groups: 1, pads: [pad, pad, pad, pad] };
  const w: Shape = depthwise ? [size, size, channels, 1] : [size, size, channels, filters];
  const y: Shape = depthwise ? x : [x[0], x[1], x[2], filters];
  const common = { strides: [1, 1], pad: "same", dataFormat: "NHWC", dilations: [1, 1], dimRoundingMode: undefined };
  const names = depthwise
    ? {
        ops: ["depthwiseConv2d", "depthwiseInputGradient", "depthwiseFilterGradient"],
        tf: ["DepthwiseConv2dNative", "DepthwiseConv2dNativeBackpropInput", "DepthwiseConv2dNativeBackpropFilter"],
      }
    : {
        ops: ["conv2d", "conv2dInputGradient", "conv2dFilterGradient"],
        tf: ["Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter"],
      };
  return [
    {
      id: `kernel/${id}/forward`,
      op: names.ops[0],
      attrs,
      inputs: { x, w },
      tfjs: (t) => run(names.tf[0], { x: t.x, filter: t.w }, common),
    },
    {
      id: `kernel/${id}/dx`,
      op: names.ops[1],
      attrs: { ...attrs, inputShape: x },
      inputs: { dy: y, w },
      tfjs: (t) => run(names.tf[1], { dy: t.dy, filter: t.w }, { ...common, inputShape: x }),
    },
    {
      id: `kernel/${id}/dw`,
      op: names.ops[2],
      attrs: { ...attrs, filterShape: w },
      inputs: { x, dy: y },
      tfjs: (t) => run(names.tf[2], { x: t.x, dy: t.dy }, { ...common, filterShape: w }),
    },
  ];
}

const product = (n: number): Problem => ({
  id: `kernel/matmul-${n}/forward`,
  op: "matmul",
  attrs: {},
  inputs: { x: [n, n], w: [n, n] },
  tfjs: (t) => tf.matMul(t.x as never, t.w as never),
});

const problems = (quick: boolean): Problem[] => [
  ...(quick ? [256, 512, 1024] : [256, 512, 1024, 2048]).map(product),
  ...convolution("conv3x3-56-64-64", [8, 56, 56, 64], [3, 64]),
  ...convolution("conv1x1-28-96-576", [8, 28, 28, 96], [1, 576]),
  ...convolution("depthwise3x3-56-144", [8, 56, 56, 144], [3, 1], true),
  ...(quick
    ? []
    : [
        ...convolution("conv3x3-14-256-256", [8, 14, 14, 256], [3, 256]),
        ...convolution("conv1x1-14-384-64", [8, 14, 14, 384], [1, 64]),
        ...convolution("conv1x1-7-960-160", [8, 7, 7, 960], [1, 160]),
      ]),
];

const storage = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC

export interface KernelOptions {
  readonly gpu: Gpu;
  readonly peaks: Peaks;
  readonly quick: boolean;
  readonly rounds: number;
  readonly only: (id: string) => boolean;
  readonly say: (text: string) => void;
}

export async function kernelRows(options: KernelOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for (const problem of problems(options.quick)) {
    if (!options.only(problem.id)) continue;
    options.say(problem.id);
    rows.push(await kernelRow(problem, options));
  }
  return rows;
}

async function kernelRow(problem: Problem, { gpu, peaks, rounds }: KernelOptions): Promise<Row> {
  const op: Operation = findOperation(problem.op);
  const traits: AdapterTraits = {
    software: gpu.adapter.software,
    features: gpu.adapter.features as AdapterTraits["features"],
    maxWorkgroupStorage: gpu.device.limits.maxComputeWorkgroupStorageSize,
    maxInvocations: gpu.device.limits.maxComputeInvocationsPerWorkgroup,
  };
  const shapes = { ...problem.inputs, ...op.shapes(problem.attrs, problem.inputs) } as Record<string, Shape>;
  const variant = chooseVariant(op, problem.attrs, shapes, traits);
  const { dispatches, scratch = {} } = op.variants[variant](problem.attrs, shapes, traits);
  const buffers = new Map<string, GPUBuffer>();
  const data: Record<string, Float32Array> = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const buffer = gpu.memory.create(name, 4 * elements(shape), storage);
    buffers.set(name, buffer);
    if (!problem.inputs[name]) continue;
    data[name] = Float32Array.from({ length: elements(shape) }, (_, i) => ((i * 7919) % 1009) / 1009 - 0.5);
    gpu.memory.write(buffer, 0, data[name] as Float32Array<ArrayBuffer>);
  }
  for (const [name, count] of Object.entries(scratch)) buffers.set(name, gpu.memory.create(name, 4 * count, storage));
  let [flops, bytes] = [0, 0];
  const requests = dispatches.map((d) => {
    const launch = describeLaunch(d);
    const cost = d.kernel.cost(d.problem);
    flops += cost.flops;
    bytes += cost.bytes;
    const sizes = d.kernel.sizes(d.problem);
    const ranges = new Map<string, BufferRange>();
    for (const { name } of readInterface(d.kernel.source).bindings) {
      const value = d.bind[name];
      if (value) ranges.set(name, { buffer: buffers.get(value)!, offset: 0, size: Math.ceil(sizes[name] / 4) * 16 });
    }
    return { label: d.kernel.name, ...launch, ranges };
  });
  const recording = await Recording.create(gpu, requests, problem.id);
  const thaw = async () => {
    const encoder = gpu.device.createCommandEncoder();
    recording.encode(encoder);
    gpu.submit([encoder.finish()]);
    await gpu.finished();
  };
  const tensors = Object.fromEntries(
    Object.entries(problem.inputs).map(([name, shape]) => [name, tf.tensor(data[name], [...shape])]),
  );
  // TF.js holds dispatches back until fifteen are there; these methods of its backend let go of them.
  const backend = tf.backend() as unknown as {
    device: GPUDevice;
    endComputePassEncoder: () => void;
    submitQueue: () => void;
  };
  const tfjs = async () => {
    const result = problem.tfjs(tensors) as import("@tensorflow/tfjs-core").Tensor;
    backend.endComputePassEncoder();
    backend.submitQueue();
    await backend.device.queue.onSubmittedWorkDone();
    result.dispose();
  };
  const times = await interleave(
    [
      { name: "thaw", run: thaw, repeat: 3 },
      { name: "tfjs", run: tfjs },
    ],
    rounds,
  );
  recording.dispose();
  for (const buffer of buffers.values()) gpu.memory.destroy(buffer);
  tf.dispose(tensors);
  const seconds = times.thaw.median / 1000;
  return {
    id: problem.id,
    unit: "ms",
    variant,
    thaw: times.thaw,
    tfjs: times.tfjs,
    ratio: times.tfjs.median / times.thaw.median,
    gflops: flops / seconds / 1e9,
    gbps: bytes / seconds / 1e9,
    shareOfPeak: flops / seconds / 1e9 / peaks.gflops,
  };
}
