/** The result as a table to be read. */
import { peers, systemNames, type BenchResult, type Measured, type Row, type System } from "../result";
import { goalOf } from "./goals";

const sections = [
  ["step/", "Training steps, ms a step"],
  ["inference/", "Inference, ms a batch"],
  ["kernel/", "Kernels, ms"],
  ["count/", "Counts of one steady training step"],
  ["load/", "Loading, ms; memory as a multiple of the file"],
  ["save/", "Saving, ms"],
  ["size/", "Size, bytes minified and gzipped"],
] as const;

/** Three figures, or whole numbers with separators. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString("en");
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return value.toPrecision(3);
}

const cell = (value: Measured | undefined): string => {
  if (value === undefined) return "";
  if (typeof value === "number") return formatNumber(value);
  // A spread of one run would look like certainty.
  return `${formatNumber(value.median)} ${value.runs === 1 ? "(1 run)" : `±${formatNumber(value.spread)}`}`;
};

const percent = (share: number | undefined): string => (share === undefined ? "" : `${(100 * share).toFixed(0)} %`);

/** Columns as wide as what is in them; the first to the left, the others to the right. */
export function layOut(lines: readonly (readonly string[])[]): string[] {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) =>
    line
      .map((text, column) => (column === 0 ? text.padEnd(widths[0]) : text.padStart(widths[column])))
      .join("  ")
      .trimEnd(),
  );
}

interface Column {
  readonly title: string;
  readonly of: (row: Row) => string;
}

function columnsFor(rows: readonly Row[], absent: BenchResult["absent"]): Column[] {
  const system = (name: System): Column => ({
    title: systemNames[name],
    of: (row) => cell(row[name]) || (absent[row.id]?.[name] === undefined ? "" : "-"),
  });
  const shown = peers.filter((name) => rows.some((row) => row[name] !== undefined));
  const all: Column[] = [
    { title: "", of: (row) => row.id },
    system("thaw"),
    ...shown.map(system),
    { title: "TF.js/Thaw", of: (row) => (row.ratio === undefined ? "" : `${formatNumber(row.ratio)} x`) },
    { title: "GFLOP/s", of: (row) => (row.gflops === undefined ? "" : formatNumber(row.gflops)) },
    { title: "of peak", of: (row) => percent(row.shareOfPeak) },
    { title: "GB/s", of: (row) => (row.gbps === undefined ? "" : formatNumber(row.gbps)) },
    { title: "of copy", of: (row) => percent(row.shareOfCopy) },
    { title: "goal", of: (row) => goalOf(row)?.text ?? "" },
    { title: "", of: (row) => ({ true: "met", false: "MISSED" })[String(goalOf(row)?.met)] ?? "" },
  ];
  return all.filter((column, i) => i < 2 || rows.some((row) => column.of(row) !== ""));
}

export function reportLines(result: BenchResult): string[] {
  const { adapter, software, runtime, versions, commit, peaks, rows, absent, seconds } = result;
  const names = Object.entries(versions).map(([name, version]) => `${systemNames[name as System] ?? name} ${version}`);
  const lines = [
    `${adapter}; ${runtime}; ${names.join(", ")}; commit ${commit}`,
    `measured peaks: ${formatNumber(peaks.gflops)} GFLOP/s multiply-adds, ${formatNumber(peaks.gbps)} GB/s copy`,
  ];
  if (!software) lines.push("goals are for a software adapter with two cores; this is a GPU");
  for (const [prefix, title] of sections) {
    const members = rows.filter((row) => row.id.startsWith(prefix));
    if (members.length === 0) continue;
    const columns = columnsFor(members, absent);
    const titles = columns.map((column, i) => (i === 0 ? title : column.title));
    lines.push("", ...layOut([titles, ...members.map((row) => columns.map((column) => column.of(row)))]));
    lines.push(...notesOf(members).map((note) => `  ${note}`));
  }
  lines.push("", ...absentLines(absent), `${seconds.toFixed(0)} seconds`);
  return lines;
}

/** Each note once. */
const notesOf = (rows: readonly Row[]): string[] => [
  ...new Set(rows.flatMap((row) => (row.note === undefined ? [] : [row.note]))),
];

/** Reasons with the rows they hold for. */
function absentLines(absent: BenchResult["absent"]): string[] {
  const rows = new Map<string, string[]>();
  for (const [id, reasons] of Object.entries(absent)) {
    for (const [system, reason] of Object.entries(reasons)) {
      const key = `${systemNames[system as System]}: ${reason}`;
      rows.set(key, [...(rows.get(key) ?? []), id]);
    }
  }
  return [...rows].map(([reason, ids]) => `- ${ids.length > 4 ? `${ids.length} rows` : ids.join(", ")}: ${reason}`);
}
