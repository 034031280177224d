import { pcg } from "../dropout/dropout.reference";
import { reference } from "../reference";
import type { StepValues } from "../step";
import type { DrawAttrs } from "./draw";
import { entryFloats, headerFloats, kinds, quantiles, recordFloats, slotFloats } from "./transforms";

type Row = readonly [number, number, number];

/** The numbers of augment_draw.wgsl: for sample `row`, entry `t`, its `j`-th. */
export function drawing({ seed, iteration }: Pick<StepValues, "seed" | "iteration">, salt: number) {
  const key = pcg((seed ^ pcg((iteration ^ pcg(salt)) >>> 0)) >>> 0);
  return (row: number, t: number, j: number): number => pcg(((((row * 64 + t) * 8 + j) >>> 0) ^ key) >>> 0) >>> 8;
}

const between = (lower: number, upper: number, u: number) => lower + u * (upper - lower);

export const augmentDrawReference = reference<DrawAttrs>(
  "augmentDraw",
  ({ entries, salt }, { list }, { x }, step) => {
    const [rows, height, width] = x!;
    const bits = drawing(step, salt);
    const random = (row: number, t: number, j: number) => bits(row, t, j) / 2 ** 24;
    const quantile = (u: number) => {
      const i = Math.floor(u * (quantiles - 1));
      const [a, b] = list!.subarray(entries * entryFloats + i);
      return a + (u * (quantiles - 1) - i) * (b - a);
    };
    const parameters = new Float64Array(rows * recordFloats(entries));
    for (let row = 0; row < rows; row++) {
      const record = parameters.subarray(row * recordFloats(entries), (row + 1) * recordFloats(entries));
      let map: [Row, Row] = [
        [1, 0, 0],
        [0, 1, 0],
      ];
      let share = 1;
      const move = (...by: [Row, Row]) => {
        const apply = ([a, b, c]: Row): Row => [
          a * by[0][0] + b * by[1][0],
          a * by[0][1] + b * by[1][1],
          a * by[0][2] + b * by[1][2] + c,
        ];
        map = [apply(map[0]), apply(map[1])];
      };
      for (let t = 0; t < entries; t++) {
        const [kind, p1, p2, p3, p4, p5, , , probability, group] = list!.subarray(t * entryFloats);
        const u = (j: number) => random(row, t, j);
        const slot = record.subarray(headerFloats + t * slotFloats);
        let on = random(row, group, 7) < probability;
        const scaleTo = (a: number, b: number): [Row, Row] => [
          [a, 0, 0],
          [0, b, 0],
        ];
        if (kind === kinds.flip && on) move(...scaleTo(u(0) < p1 ? -1 : 1, u(1) < p2 ? -1 : 1));
        if (kind === kinds.rotation && on) {
          const angle = 2 * Math.PI * between(p1, p2, u(0));
          move([Math.cos(angle), -Math.sin(angle), 0], [Math.sin(angle), Math.cos(angle), 0]);
        }
        if (kind === kinds.translation && on)
          move([1, 0, -width * between(p3, p4, u(1))], [0, 1, -height * between(p1, p2, u(0))]);
        if (kind === kinds.zoom && on) {
          const high = between(p1, p2, u(0));
          move(...scaleTo(p5 > 0 ? high : between(p3, p4, u(1)), high));
        }
        if (kind === kinds.crop && on) {
          const area = between(p1, p2, u(0)) * width * height;
          const ratio = Math.exp(between(p3, p4, u(1)));
          const [w, h] = [Math.min(width, Math.sqrt(area * ratio)), Math.min(height, Math.sqrt(area / ratio))];
          move(
            [w / width, 0, u(2) * (width - w) + (w - width) / 2],
            [0, h / height, u(3) * (height - h) + (h - height) / 2],
          );
        }
        const drawn = between(p1, p2, u(0));
        if (kind === kinds.brightness || kind === kinds.contrast || kind === kinds.blur) slot[0] = drawn;
        if (kind === kinds.saturation) slot[0] = drawn / (1 - drawn + 1e-7);
        if (kind === kinds.hue) slot[0] = drawn * (u(1) >= 0.5 ? -0.5 : 0.5);
        if (kind === kinds.grayscale) on &&= u(0) < p1;
        if (kind === kinds.erasing) {
          on &&= u(1) < drawn;
          const [w, h] = [Math.sqrt(between(p3, p4, u(2))) * width, Math.sqrt(between(p3, p4, u(3))) * height];
          const [left, top] = [u(4) * (width - w), u(5) * (height - h)];
          slot.set([left, left + w, top, top + h, bits(row, t, 6)]);
        }
        if (kind === kinds.mixUp || kind === kinds.cutMix) on &&= rows > 1;
        if (kind === kinds.mixUp && on) share = quantile(u(0));
        if (kind === kinds.cutMix) {
          const side = Math.sqrt(1 - quantile(u(0)));
          const [w, h] = [Math.floor(width * side + 0.5), Math.floor(height * side + 0.5)];
          const left = Math.min(Math.floor(u(1) * (width - w + 1)), width - w);
          const top = Math.min(Math.floor(u(2) * (height - h + 1)), height - h);
          slot.set([left, left + w, top, top + h]);
          if (on) share = 1 - (w * h) / (width * height);
        }
        slot[7] = on ? 1 : 0;
      }
      const shift = rows > 1 ? 1 + Math.min(Math.floor(random(0, 63, 0) * (rows - 1)), rows - 2) : 0;
      record.set([...map[0], ...map[1], share, (row + shift) % rows]);
    }
    return { parameters };
  },
  // Places add up to the image's size in a chain of products, and saturation's quotient grows towards its end.
  () => 64,
);
