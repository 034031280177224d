/** Einstein sums of one or two operands, as attention is written by Keras: letters in groups make a matrix product. */
import { ThawError } from "../../../errors";
import { describe, textOf } from "../attributes";
import { isHost, type HostTensor } from "../host-tensor";
import type { OnnxNode } from "../ir";
import type { Emitter, Operand } from "../layout/emitter";
import { regroup, single } from "../layout/regroup";
import { dimsOf, type Tensor } from "../layout/tensor";
import { constantTensor, type Emit, type Operators } from "./operator";
import { timesMatrix, timesTensor } from "./products";

interface Labelled {
  readonly t: Tensor;
  readonly labels: readonly string[];
}

/** The letters of inputs and output; an ellipsis stands for as many as an input has beyond its letters. */
function parse(node: OnnxNode, ranks: readonly number[]): { inputs: string[][]; output: string[] } {
  const equation = textOf(node, "equation", "").replaceAll(" ", "");
  const [left, right] = equation.split("->");
  const terms = left.split(",");
  if (terms.length !== ranks.length)
    throw new ThawError(describe(node), `${equation} for ${ranks.length} operands`, "one term each");
  const dots = (count: number) => Array.from({ length: count }, (_, i) => `.${count - i}`);
  const letters = (term: string, rank: number) => {
    const [before, after] = term.split("...");
    if (after === undefined) return term.split("");
    return [...before.split(""), ...dots(rank - before.length - after.length), ...after.split("")];
  };
  const inputs = terms.map((term, i) => letters(term, ranks[i]));
  const longest = Math.max(...inputs.map((list) => list.filter((l) => l.startsWith(".")).length));
  const all = inputs.flat();
  const implicit = [
    ...dots(longest),
    ...[...new Set(all)].filter((l) => !l.startsWith(".") && all.filter((m) => m === l).length === 1).toSorted(),
  ];
  const output =
    right === undefined
      ? implicit
      : right.includes("...")
        ? letters(right, right.length - 3 + longest)
        : right.split("");
  inputs.forEach((list, i) => {
    if (list.length !== ranks[i] || new Set(list).size !== list.length)
      throw new ThawError(
        describe(node),
        `the term ${terms[i]} for ${ranks[i]} dimensions`,
        "a letter for each, none twice",
      );
  });
  return { inputs, output };
}

/** Letters that stand in nobody else are summed over. */
function summed(e: Emitter, { t, labels }: Labelled, kept: ReadonlySet<string>): Labelled {
  const gone = labels.flatMap((l, i) => (kept.has(l) ? [] : [i]));
  if (gone.length === 0) return { t, labels };
  let now = t;
  for (const i of gone) now = single(e, "Einsum", now, i).t;
  const axes = gone.map((i) => now.axes[i][0]).toSorted((a, b) => a - b);
  const value = e.apply("reduce", { kind: "sum", axes, keepDims: true }, { x: e.memory(now) });
  return {
    t: {
      ...now,
      value,
      shape: now.shape.map((d, p) => (axes.includes(p) ? 1 : d)),
      axes: now.axes.filter((_, i) => !gone.includes(i)),
    },
    labels: labels.filter((l) => kept.has(l)),
  };
}

/** Axes under these letters, in this order. */
const ordered = ({ t, labels }: Labelled, wanted: readonly string[]): Tensor => ({
  ...t,
  axes: wanted.map((l) => t.axes[labels.indexOf(l)]),
});

/** Logical axes in groups as one each. */
const grouped = ({ t, labels }: Labelled, groups: readonly (readonly string[])[]): Tensor => ({
  ...t,
  axes: groups.map((group) => group.flatMap((l) => t.axes[labels.indexOf(l)])),
});

const einsum: Emit = (e, node, inputs) => {
  const operands = inputs.filter((x): x is Operand => x !== undefined);
  if (operands.length < 1 || operands.length > 2)
    throw new ThawError(describe(node), `has ${operands.length} operands`, "one or two");
  const ranks = operands.map((x) => (isHost(x) ? x.dims.length : x.axes.length));
  const { inputs: terms, output } = parse(node, ranks);
  const [first, second] = operands;
  if (second === undefined) {
    const one = summed(e, { t: first as Tensor, labels: terms[0] }, new Set(output));
    return [ordered(one, output)];
  }
  if (isHost(second) && !isHost(first)) {
    const product = withWeights(e, node, first, second, terms, output);
    if (product) return [product];
  }
  const tensor = (x: Operand) => (isHost(x) ? constantTensor(e, x) : x);
  const a = summed(e, { t: tensor(first), labels: terms[0] }, new Set([...terms[1], ...output]));
  const b = summed(e, { t: tensor(second), labels: terms[1] }, new Set([...terms[0], ...output]));
  const both = a.labels.filter((l) => b.labels.includes(l));
  const batch = both.filter((l) => output.includes(l));
  const inner = both.filter((l) => !output.includes(l));
  const rows = a.labels.filter((l) => !both.includes(l));
  const columns = b.labels.filter((l) => !both.includes(l));
  const alone = (list: readonly string[]) => list.map((l) => [l]);
  const y = timesTensor(
    e,
    describe(node),
    grouped(a, [...alone(batch), rows, inner]),
    grouped(b, [...alone(batch), inner, columns]),
  );
  const size = (l: string) => dimsOf(ordered(a.labels.includes(l) ? a : b, [l]))[0];
  const labels = [...batch, ...rows, ...columns];
  const split = regroup(e, describe(node), y, labels.map(size));
  return [ordered({ t: split, labels }, output)];
};

/** x [..., K] with weights of letters K and N alone: a product with a matrix. */
function withWeights(
  e: Emitter,
  node: OnnxNode,
  x: Tensor,
  w: HostTensor,
  [left, right]: readonly string[][],
  output: readonly string[],
): Tensor | undefined {
  const inner = right.filter((l) => left.includes(l));
  const columns = right.filter((l) => !left.includes(l));
  // The weights as they lie are a matrix where the summed letters stand together in front, or behind.
  const front = right.join() === [...inner, ...columns].join();
  const behind = right.join() === [...columns, ...inner].join();
  if (inner.length === 0 || inner.some((l) => output.includes(l)) || (!front && !behind)) return undefined;
  const rows = left.filter((l) => !inner.includes(l));
  if (rows.some((l) => !output.includes(l)) || columns.some((l) => !output.includes(l))) return undefined;
  const sizes = columns.map((l) => w.dims[right.indexOf(l)]);
  const k = inner.reduce((n, l) => n * w.dims[right.indexOf(l)], 1);
  const n = sizes.reduce((m, d) => m * d, 1);
  const source = grouped({ t: x, labels: left }, [...rows.map((l) => [l]), inner]);
  const matrix: HostTensor = {
    dims: front ? [k, n] : [n, k],
    kind: w.kind,
    ...(w.weight !== undefined && { weight: w.weight }),
    get data() {
      return w.data;
    },
  };
  const y = timesMatrix(e, node, source, matrix, behind && !front);
  const rowDims = dimsOf(source).slice(0, -1);
  const split = regroup(e, describe(node), y, [...rowDims, ...sizes]);
  return ordered({ t: split, labels: [...rows, ...columns] }, output);
}

export const einsums: Operators = { Einsum: einsum };
