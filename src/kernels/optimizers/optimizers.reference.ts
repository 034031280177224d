import { reference } from "../reference";
import type { AdamAttrs, RmspropAttrs, SgdAttrs } from "./optimizers";

interface Slots {
  first: number;
  second: number;
  third: number;
}

type Attrs = { weightDecay: number; clipNorm?: number; clipValue?: number; steps?: number };

/** Applies a rule for one element; `rule` returns what is subtracted from the parameter. */
function byElement<A extends Attrs>(
  name: string,
  rule: (attrs: A, g: number, s: Slots, rate: number, effectiveRate: number) => number,
) {
  return reference<A>(name, (attrs, arrays, _shapes, step) => {
    const { gradients, table, status } = arrays;
    const parameters = arrays.parameters!.slice();
    const slots = { first: arrays.first?.slice(), second: arrays.second?.slice(), third: arrays.third?.slice() };
    const given = Object.fromEntries(Object.entries(slots).filter(([, v]) => v)) as Record<string, Float64Array>;
    if (status![0] !== 0 || step.iteration % (attrs.steps ?? 1) !== 0) return { parameters, ...given };
    gradients!.forEach((gradient, i) => {
      const row = Math.floor(i / 64) * 3;
      const at = table![row] * 64 + (i % 64);
      const factor = new Float32Array(Uint32Array.of(table![row + 1]).buffer)[0];
      let g = gradient;
      if (attrs.clipNorm) g *= attrs.clipNorm / Math.max(attrs.clipNorm, status![2]);
      if (attrs.clipValue) g = Math.min(Math.max(g, -attrs.clipValue), attrs.clipValue);
      if (table![row + 2] % 2 === 0) parameters[at] -= parameters[at] * attrs.weightDecay * step.learningRate * factor;
      const s: Slots = { first: slots.first?.[i] ?? 0, second: slots.second?.[i] ?? 0, third: slots.third?.[i] ?? 0 };
      parameters[at] -= rule(attrs, g, s, step.learningRate * factor, step.effectiveRate * factor);
      for (const [key, values] of Object.entries(given)) values[i] = s[key as keyof Slots];
    });
    return { parameters, ...given };
  });
}

export const sgdReference = byElement<SgdAttrs>("sgd", ({ momentum, nesterov }, g, s, rate) => {
  if (momentum === 0) return rate * g;
  s.first = momentum * s.first - rate * g;
  return nesterov ? rate * g - momentum * s.first : -s.first;
});

export const rmspropReference = byElement<RmspropAttrs>(
  "rmsprop",
  ({ rho, momentum, epsilon, centered }, g, s, rate) => {
    s.second = rho * s.second + (1 - rho) * g * g;
    if (centered) s.third = rho * s.third + (1 - rho) * g;
    const u = (rate * g) / Math.sqrt(s.second - (centered ? s.third ** 2 : 0) + epsilon);
    if (momentum === 0) return u;
    s.first = momentum * s.first + u;
    return s.first;
  },
);

export const adamReference = byElement<AdamAttrs>(
  "adam",
  ({ beta1, beta2, epsilon, amsgrad }, g, s, _rate, effectiveRate) => {
    s.first += (g - s.first) * (1 - beta1);
    s.second += (g * g - s.second) * (1 - beta2);
    if (amsgrad) s.third = Math.max(s.third, s.second);
    return (effectiveRate * s.first) / (Math.sqrt(amsgrad ? s.third : s.second) + epsilon);
  },
);
