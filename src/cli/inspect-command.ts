/** `thaw inspect FILE`: what is in a file, what the network expects, where it can be frozen, and what is not supported. */
import { formatBytes, ThawError, type Container, type Preprocessing } from "../index";
import { freezePoints, identify, lastOfBlocks, loadModel, openSource, type FreezePoint } from "../loaders/index";
import type { Io } from "./io";

interface Inspection {
  readonly file: string;
  readonly bytes: number;
  readonly format: string;
  /** Absent where the file cannot be loaded. */
  readonly network?: Network;
  /** Why it cannot be loaded, layers that are not known among it. */
  readonly problem?: string;
}

interface Network {
  readonly name: string;
  /** Sample shapes. */
  readonly inputs: readonly (readonly number[])[];
  readonly outputs: readonly (readonly number[])[];
  /** Class name -> how often, the most frequent first. */
  readonly layers: Readonly<Record<string, number>>;
  readonly weights: number;
  /** Moving statistics and other numbers that training does not learn. */
  readonly statistics: number;
  /** Null where neither the file nor the architecture tells it. */
  readonly preprocessing: Preprocessing | null;
  readonly freezePoints: readonly FreezePoint[];
}

export interface InspectArguments {
  readonly json?: boolean;
  readonly all?: boolean;
}

/** @returns the status of the process: 1 where the file cannot be loaded. */
export async function inspectCommand(file: string, options: InspectArguments, io: Io): Promise<number> {
  const found = await inspect(file);
  io.out(options.json ? `${JSON.stringify(found, null, 2)}\n` : `${describe(found, options.all ?? false)}\n`);
  return found.network ? 0 : 1;
}

async function inspect(file: string): Promise<Inspection> {
  const source = await openSource(file);
  const { bytes, format } = await identify(source);
  try {
    return { file, bytes, format, network: networkOf(await loadModel(source)) };
  } catch (error) {
    if (!(error instanceof ThawError)) throw error;
    return { file, bytes, format, problem: error.message };
  }
}

function networkOf(model: Container): Network {
  const counts = new Map<string, number>();
  for (const { className } of model.flatLayers()) counts.set(className, (counts.get(className) ?? 0) + 1);
  const count = (kind: string) =>
    model.allParameters().reduce((sum, p) => sum + ((p.kind === "weight") === (kind === "weight") ? p.count : 0), 0);
  return {
    name: model.name,
    inputs: model.inputs.map((t) => t.shape),
    outputs: model.outputs.map((t) => t.shape),
    layers: Object.fromEntries([...counts].toSorted(([, a], [, b]) => b - a)),
    weights: count("weight"),
    statistics: count("state"),
    preprocessing: model.preprocessing ?? null,
    freezePoints: freezePoints(model),
  };
}

function describe({ file, bytes, format, network, problem }: Inspection, all: boolean): string {
  const head = `${file}: ${format}, ${formatBytes(bytes)}`;
  if (!network) return `${head}\n\nnot supported:\n  ${problem}`;
  const shapes = (list: readonly (readonly number[])[]) => list.map((s) => `[${s.join(", ")}]`).join(" and ");
  const rows: [string, string][] = [
    ["network", network.name],
    ["input", `${shapes(network.inputs)}, a sample`],
    ["pixels", pixels(network.preprocessing)],
    ["output", shapes(network.outputs)],
    [
      "layers",
      Object.entries(network.layers)
        .map(([name, n]) => `${n} ${name}`)
        .join(", "),
    ],
    ["weights", `${thousands(network.weights)} (${formatBytes(4 * network.weights)})`],
    ["statistics", thousands(network.statistics)],
  ];
  const points = all ? network.freezePoints : lastOfBlocks(network.freezePoints);
  return [
    head,
    "",
    ...rows.map(([name, value]) => `  ${name.padEnd(12)}${value}`),
    "",
    points.length > 0
      ? "where it can be frozen: one tensor leads on from there, which can be computed once for all images"
      : "nowhere one tensor leads on from frozen layers: freeze by layer",
    ...freezeTable(points, network.weights),
  ].join("\n");
}

function pixels(preprocessing: Preprocessing | null): string {
  if (!preprocessing) return "not known; say it with loadModel(file, { preprocessing })";
  const { mode, channels, scale, offset } = preprocessing;
  if (mode === "none") return "0 to 255 as they are";
  const numbers = (list: readonly number[]) => list.map((v) => String(Number(v.toPrecision(5)))).join(", ");
  return `"${mode}": ${channels}, times ${numbers(scale)}, plus ${numbers(offset)}`;
}

function freezeTable(points: readonly FreezePoint[], weights: number): string[] {
  if (points.length === 0) return [];
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const rows = points.map(({ layer, shape, frozenParameters, shareOfFlops }) => [
    layer,
    `[${shape.join(", ")}]`,
    percent(frozenParameters / Math.max(1, weights)),
    percent(shareOfFlops),
  ]);
  const table = [["freezeUpTo", "features", "of weights", "of forward FLOPs"], ...rows];
  const widths = table[0].map((_, c) => Math.max(...table.map((row) => row[c].length)));
  return table.map((row) =>
    `  ${row.map((text, c) => (c < 2 ? text.padEnd(widths[c]) : text.padStart(widths[c]))).join("  ")}`.trimEnd(),
  );
}

const thousands = (n: number) => n.toLocaleString("en");
