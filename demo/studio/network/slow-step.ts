/** One training step, block by block: forward from the input up, then backward until nobody below needs a gradient. */
import type { LayerPlan } from "../../../src/index";
import type { BlockInfo, StepPlan } from "../../worker/protocol";

/** The head comes after the last block. */
export interface Beat {
  readonly pass: "forward" | "backward" | "stop";
  /** Place of the block; the number of blocks is the head. */
  readonly at: number;
  /** Of a backward beat. */
  readonly dx: boolean;
  readonly dw: boolean;
  /** Bytes of activations that are kept for the backward pass once this beat is over. */
  readonly saved: number;
}

interface Part {
  readonly dx: boolean;
  readonly dw: boolean;
  readonly backward: boolean;
  readonly saved: number;
}

/** What the plan does for the layers of a block. */
function partOf(layers: readonly LayerPlan[]): Part {
  const [dx, dw] = [layers.some((l) => l.dx), layers.some((l) => l.dw)];
  return { dx, dw, backward: dx || dw, saved: layers.reduce((n, l) => n + l.savedActivationBytes, 0) };
}

/**
 * The beats of a step. Activations fill on the way up; on the way down a block's are freed once its gradients are there. The
 * backward pass ends at the lowest block with a gradient: the beat below it is a "stop", unless there is none below.
 */
export function beatsOf(blocks: readonly BlockInfo[], plan: StepPlan): Beat[] {
  const inBase = blocks.map(({ layers }) =>
    partOf(plan.layers.filter((l) => layers.some(({ name }) => l.name === name || l.name.endsWith(`/${name}`)))),
  );
  const names = blocks.flatMap(({ layers }) => layers.map(({ name }) => name));
  const others = plan.layers.filter((l) => !names.some((name) => l.name === name || l.name.endsWith(`/${name}`)));
  const parts = [...inBase, partOf(others)];
  const beats: Beat[] = [];
  let saved = 0;
  parts.forEach((part, at) => {
    saved += part.saved;
    beats.push({ pass: "forward", at, dx: false, dw: false, saved });
  });
  const lowest = parts.findIndex((part) => part.backward);
  if (lowest < 0) return beats;
  for (let at = parts.length - 1; at >= 0; at--) {
    const { dx, dw } = parts[at];
    if (at < lowest) {
      // What was saved below, such as the input of the lowest layer that learns, goes with the step.
      beats.push({ pass: "stop", at, dx: false, dw: false, saved: 0 });
      break;
    }
    saved -= parts[at].saved;
    beats.push({ pass: "backward", at, dx, dw, saved });
  }
  return beats;
}
