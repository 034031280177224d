/** ONNX Runtime Web with its WebGPU provider. Inference only: it has no training. */
import * as ort from "onnxruntime-web/webgpu";

export interface OrtNetwork {
  /** @param images channels first. @returns logits. */
  readonly predict: (images: Float32Array) => Promise<Float32Array>;
  readonly dispose: () => Promise<void>;
}

/**
 * @param wasm its WebAssembly, or the URL of it.
 * @param shape of the input, channels first.
 */
export async function startOrt(
  wasm: string | Uint8Array,
  model: Uint8Array,
  shape: readonly number[],
): Promise<OrtNetwork> {
  ort.env.wasm.numThreads = 1; // everything runs on the GPU; threads would only compete with a software adapter
  if (typeof wasm === "string") ort.env.wasm.wasmPaths = { wasm };
  else ort.env.wasm.wasmBinary = wasm;
  ort.env.logLevel = "error";
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ["webgpu"],
    graphOptimizationLevel: "all",
  });
  const [input, output] = [session.inputNames[0], session.outputNames[0]];
  return {
    async predict(images) {
      const tensor = new ort.Tensor("float32", images, shape);
      const results = await session.run({ [input]: tensor });
      const data = (await results[output].getData()) as Float32Array;
      tensor.dispose();
      return data;
    },
    dispose: async () => await session.release(),
  };
}
