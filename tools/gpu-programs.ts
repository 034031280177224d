/** The programs that `select` chooses for a GPU: over the cases of every operation, and over the layers of real networks. */
import { describeLaunch, loadPrograms, type Dispatch } from "../src/kernels/kernel";
import { chooseVariant, refusal, type AdapterTraits, type Shape } from "../src/kernels/operation";
import { operations } from "../src/kernels/registry";
import { moreOperations } from "../src/kernels/registry-more";
import { transferOperations } from "../src/kernels/registry-transfer";
import { problems } from "./gpu-shapes";

/** What navi21 and gfx1100 give, as Dawn sees them. */
const gpu: AdapterTraits = {
  software: false,
  features: ["timestamp-query", "shader-f16", "subgroups"],
  maxWorkgroupStorage: 32768,
  maxInvocations: 256,
};

/** A launch of a program for a layer of a real network. */
export interface Use {
  readonly title: string;
  readonly workgroups: number;
  /** Multiply-adds a byte that has to move: half the FLOPs over the problem's bytes. */
  readonly intensity: number;
}

export interface GpuProgram {
  readonly kernel: string;
  /** Kernel and, where it has several forms, what they differ in. */
  readonly name: string;
  readonly code: string;
  /** Overrides. */
  readonly constants: Readonly<Record<string, number>>;
  /** Rows and columns of the tile that a workgroup computes, for programs that have one. */
  readonly tile?: { readonly rows: number; readonly columns: number };
  readonly uses: readonly Use[];
}

/** The same layer with frozen weights in f16, computed in f32 and in f16. */
const inHalves = (problem: (typeof problems)[string][number]) =>
  (["weights", "arithmetic"] as const).map((half) => ({
    ...problem,
    title: `${problem.title}, f16 ${half}`,
    attrs: { ...problem.attrs, half },
  }));

/** @param only programs whose name has this in it; all when empty. */
export async function gpuPrograms(only = ""): Promise<GpuProgram[]> {
  const found = new Map<string, Omit<GpuProgram, "uses"> & { uses: Use[] }>();
  const add = (dispatch: Dispatch, title: string | undefined) => {
    const { kernel, problem } = dispatch;
    const { pipeline, workgroups } = describeLaunch(dispatch);
    const { code, constants } = pipeline;
    const fixed = (kernel.constants?.(problem) ?? {}) as Readonly<Record<string, number>>;
    const switches = Object.entries(constants).map(([name, value]) => `${name}${value}`);
    const name = [kernel.program.name, ...Object.values(fixed).map(String), ...switches].join("-");
    if (!name.includes(only)) return;
    const key = JSON.stringify([code, constants]);
    const { TILE_ROWS: rows, TILE_COLUMNS: columns } = fixed;
    const tile = rows !== undefined && columns !== undefined && { tile: { rows, columns } };
    const program = found.get(key) ?? { kernel: kernel.program.name, name, code, constants, ...tile, uses: [] };
    found.set(key, program);
    if (title === undefined) return;
    const { flops, bytes } = kernel.cost(problem);
    program.uses.push({
      title,
      workgroups: workgroups.reduce((a, b) => a * b, 1),
      intensity: flops / 2 / Math.max(1, bytes),
    });
  };
  for (const op of [...operations, ...moreOperations, ...transferOperations]) {
    const examples = [
      ...op.cases.map((c) => ({ ...c, title: undefined })),
      ...(problems[op.name] ?? []),
      ...(op.halves ? (problems[op.name] ?? []).flatMap(inHalves) : []),
    ];
    for (const { attrs, inputs, title } of examples) {
      const shapes = { ...inputs, ...op.shapes(attrs, inputs) } as Record<string, Shape>;
      const variant = chooseVariant(op, attrs, shapes, gpu);
      // A layer whose channels do not come in fours has no program for weights in f16.
      if (!op.alias && refusal(op, variant, attrs, shapes, gpu)) continue;
      // An alias (reshape) has no program.
      const dispatches = op.variants[variant]?.(attrs, shapes, gpu).dispatches ?? [];
      await loadPrograms(dispatches);
      for (const dispatch of dispatches) add(dispatch, title);
    }
  }
  return [...found.values()].toSorted((a, b) => a.name.localeCompare(b.name));
}
