/**
 * The values that change from one training step to the next, in one small uniform that every program which needs it
 * declares as `struct Step` and binds as `step`. They are written once a step; nothing else is.
 */
export interface StepValues {
  /** Training steps done by this optimizer, counted from 1. */
  readonly iteration: number;
  /** Mixed into every random number. */
  readonly seed: number;
  /** First entry of this batch in the index buffer. */
  readonly batchStart: number;
  /** Where in the ring of results this step reports. */
  readonly ringSlot: number;
  readonly learningRate: number;
  /** learningRate times Adam's bias correction sqrt(1 - beta2^t) / (1 - beta1^t); equal to learningRate elsewhere. */
  readonly effectiveRate: number;
}

/** The text every program with a `step` binding has to contain, field for field. */
export const stepStruct = `struct Step {
  iteration: u32,
  seed: u32,
  batchStart: u32,
  ringSlot: u32,
  learningRate: f32,
  effectiveRate: f32,
}`;

export const stepBytes = 32;

export function packStep(values: StepValues): ArrayBuffer {
  const buffer = new ArrayBuffer(stepBytes);
  const view = new DataView(buffer);
  [values.iteration, values.seed, values.batchStart, values.ringSlot].forEach((v, i) => view.setUint32(4 * i, v, true));
  [values.learningRate, values.effectiveRate].forEach((v, i) => view.setFloat32(16 + 4 * i, v, true));
  return buffer;
}
