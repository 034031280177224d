/** Options of optimizers that few trainings use: checked, their operations made known, their arenas filled. Loaded when one is given. */
import { ThawError } from "../errors";
import { registerOperations } from "../kernels/registry";
import { updateOperations } from "../kernels/updates/updates";
import { alignToBlock, blockBytes } from "../nn/compile/plan-memory";
import { tableWidth, type Optimizer, type UpdateOptions } from "../nn/compile/update";
import type { DeviceState } from "../nn/device-state";
import type { Container } from "../nn/model";
import type { Parameter } from "../nn/parameter";
import type { TrainingArenas } from "../nn/training-arenas";

const isCount = (n: number) => Number.isInteger(n) && n >= 1;

/** @throws for values that Keras refuses too. */
export function checkOptions({ op, attrs, options = {} }: Optimizer): void {
  const { clipnorm = 0 } = options;
  if (!(clipnorm >= 0 && Number.isFinite(clipnorm)))
    throw new ThawError(op, `clipnorm ${clipnorm}`, "a finite number, 0 or more");
  if (clipnorm && (attrs.clipNorm ?? attrs.clipValue))
    throw new ThawError(
      op,
      "has clipnorm beside another clipping",
      "clipnorm, clipvalue or globalClipnorm, as in Keras",
    );
  const { gradientAccumulationSteps = 1, emaMomentum = 0.99, emaOverwriteFrequency = 1, useEma } = options;
  if (!isCount(gradientAccumulationSteps))
    throw new ThawError(op, `gradientAccumulationSteps ${gradientAccumulationSteps}`, "a whole number, 1 or more");
  if (!(emaMomentum >= 0 && emaMomentum <= 1))
    throw new ThawError(op, `emaMomentum ${emaMomentum}`, "a number from 0 to 1");
  if (!isCount(emaOverwriteFrequency))
    throw new ThawError(op, `emaOverwriteFrequency ${emaOverwriteFrequency}`, "a whole number, 1 or more");
  if (!useEma && (options.emaMomentum ?? options.emaOverwriteFrequency) !== undefined)
    throw new ThawError(op, "has options of the average, and useEma is off", "useEma: true with them");
  registerOperations(updateOperations);
}

const escaped = (text: string) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*");
const matches = (pattern: string, text: string) => new RegExp(`^${escaped(pattern)}$`).test(text);

function decays(parameter: Parameter, excluded: readonly string[]): boolean {
  const name = parameter.path.split("/").at(-1)!;
  return !excluded.some((p) => (/[/*]/.test(p) ? matches(p, parameter.path) : name.includes(p)));
}

/** Factor of a weight's learning rate. @throws when a pattern finds no layer, or a factor is no number from 0. */
function multipliers(model: Container, options: UpdateOptions): (parameter: Parameter) => number {
  const { learningRateMultipliers: given = {} } = options;
  const layers = model.flatLayers();
  const factors = new Map<Parameter, number>();
  if (typeof given !== "function") {
    for (const [pattern, factor] of Object.entries(given)) {
      const found = layers.filter((layer) => matches(pattern, layer.name));
      if (found.length === 0)
        throw new ThawError(
          model.name,
          `learningRateMultipliers: no layer is named like ${pattern}`,
          "a layer name, * for any characters",
        );
      for (const parameter of found.flatMap((layer) => layer.allParameters())) factors.set(parameter, factor);
    }
  }
  return (parameter) => {
    const factor = typeof given === "function" ? given(parameter) : (factors.get(parameter) ?? 1);
    if (factor >= 0 && Number.isFinite(factor)) return factor;
    throw new ThawError(
      model.name,
      `learningRateMultipliers: ${factor} for ${parameter.path}`,
      "a finite number, 0 or more",
    );
  };
}

/** Writes factors, flags and sizes into the optimizer's table; averages begin as the weights of now. */
export function prepareArenas(model: Container, state: DeviceState, arenas: TrainingArenas): void {
  const { gpu, layout } = state;
  const { resources, offsets, optimizer } = arenas;
  const options = optimizer.options ?? {};
  const factorOf = multipliers(model, options);
  const average = resources.get("average");
  const encoder = gpu.device.createCommandEncoder();
  for (const [parameter, offset] of offsets) {
    const blocks = Math.ceil((4 * parameter.count) / blockBytes);
    const words = new Uint32Array(blocks * tableWidth);
    const floats = new Float32Array(words.buffer);
    const place = layout.offsets.get(parameter)!;
    const undecayed = Number(!decays(parameter, options.excludeFromWeightDecay ?? []));
    for (let b = 0; b < blocks; b++) {
      words[b * tableWidth] = place / blockBytes + b;
      floats[b * tableWidth + 1] = factorOf(parameter);
      words[b * tableWidth + 2] = undecayed + (b === 0 ? 2 * blocks : 0);
    }
    gpu.memory.write(resources.get("table")!, (offset / blockBytes) * tableWidth * 4, words);
    if (average)
      encoder.copyBufferToBuffer(state.parameters, place, average, offset, alignToBlock(4 * parameter.count));
  }
  gpu.submit([encoder.finish()]);
}
