import { reference } from "../reference";
import type { ClipTensorsAttrs, FinishUpdateAttrs, MeanGradientsAttrs } from "./updates";

export const meanGradientsReference = reference<MeanGradientsAttrs>(
  "meanGradients",
  ({ steps }, { gradients, accumulator }, _shapes, { iteration }) => ({
    gradients: iteration % steps === 0 ? gradients!.map((g, i) => (g + accumulator![i]) / steps) : gradients!.slice(),
  }),
);

export const clipTensorsReference = reference<ClipTensorsAttrs>(
  "clipTensors",
  ({ steps, limit }, arrays, _shapes, { iteration }) => {
    const gradients = arrays.gradients!.slice();
    const { table } = arrays;
    if (iteration % steps !== 0) return { gradients };
    for (let block = 0; block < gradients.length / 64; block++) {
      const blocks = Math.floor(table![3 * block + 2] / 2);
      const tensor = gradients.subarray(64 * block, 64 * (block + blocks));
      const norm = Math.sqrt(tensor.reduce((sum, g) => sum + g * g, 0));
      tensor.forEach((g, i) => (tensor[i] = (g * limit) / Math.max(limit, norm)));
    }
    return { gradients };
  },
);

export const finishUpdateReference = reference<FinishUpdateAttrs>(
  "finishUpdate",
  ({ steps, momentum, overwrite }, arrays, _shapes, { iteration }) => {
    const { gradients, table, status } = arrays;
    const parameters = arrays.parameters!.slice();
    const accumulator = arrays.accumulator?.slice();
    const average = arrays.average?.slice();
    const updates = Math.floor((iteration - 1) / steps);
    gradients!.forEach((g, i) => {
      if (status![0] !== 0) return;
      if (accumulator && steps > 1) accumulator[i] = iteration % steps === 0 ? 0 : accumulator[i] + g;
      if (!average || momentum === undefined) return;
      const at = table![3 * Math.floor(i / 64)] * 64 + (i % 64);
      average[i] = updates === 0 ? parameters[at] : momentum * average[i] + (1 - momentum) * parameters[at];
      if (overwrite > 0 && (updates + 1) % overwrite === 0) parameters[at] = average[i];
    });
    return { parameters, ...(accumulator && { accumulator }), ...(average && { average }) };
  },
);
