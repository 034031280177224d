/** The plan as a table. */
import type { Plan, PhaseTotals } from "./plan";

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}

export function formatFlops(flops: number): string {
  if (flops < 1e3) return `${flops}`;
  if (flops < 1e6) return `${(flops / 1e3).toFixed(1)} K`;
  if (flops < 1e9) return `${(flops / 1e6).toFixed(1)} M`;
  return `${(flops / 1e9).toFixed(2)} G`;
}

export function planTable(plan: Plan): string {
  const { layers, mode, batchSize, savedActivationBytes, memory, features, halved } = plan.fields;
  const halves = halved?.text;
  const header = ["layer", "trains", "forward", "dx", "dw", "saved", "FLOPs", "bytes", "why not"];
  const rows = layers.map((l) => [
    l.name,
    l.className === "InputLayer" ? "" : l.trainable ? "yes" : "no",
    l.forward.join(" + ") || "-",
    l.dx ? "dx" : "-",
    l.dw ? "dw" : "-",
    l.savedActivationBytes > 0 ? formatBytes(l.savedActivationBytes) : "-",
    formatFlops(l.flops),
    formatBytes(l.bytes),
    l.reason,
  ]);
  const widths = header.map((h, i) => Math.min(44, Math.max(h.length, ...rows.map((r) => r[i].length))));
  const right = new Set([5, 6, 7]);
  const line = (cells: readonly string[]) =>
    cells
      .map((c, i) => (i === cells.length - 1 ? c : right.has(i) ? c.padStart(widths[i]) : c.padEnd(widths[i])))
      .join("  ")
      .trimEnd();
  const total = (name: string, t: PhaseTotals) =>
    t.dispatches > 0
      ? [
          `${name.padEnd(10)} ${String(t.dispatches).padStart(5)} dispatches  ${formatFlops(t.flops).padStart(9)} FLOPs  ${formatBytes(t.bytes).padStart(9)} moved`,
        ]
      : [];
  return [
    `${mode} step, batch ${batchSize}: ${plan.dispatches} dispatches, 1 submit`,
    ...(features ? [`${features.cached ? "cached" : "not cached"}: ${features.reason.replaceAll("; ", ";\n  ")}`] : []),
    "",
    line(header),
    ...rows.map(line),
    "",
    ...total("setup once", plan.totals("setup")),
    ...total("feed", plan.totals("feed")),
    ...total("forward", plan.totals("forward")),
    ...total("backward", plan.totals("backward")),
    ...total("update", plan.totals("update")),
    ...tunedLines(plan),
    ...(halves ? ["", halves] : []),
    "",
    `saved activations ${formatBytes(savedActivationBytes)}; peak ${formatBytes(plan.peakBytes)} = ` +
      `weights ${formatBytes(memory.parameters + memory.state)} + gradients ${formatBytes(memory.gradients)} + optimizer ${formatBytes(memory.optimizer)} + ` +
      `activations ${formatBytes(memory.activations)} + constants ${formatBytes(memory.constants)} + ` +
      (memory.data > 0 ? `data ${formatBytes(memory.data)} + ` : "") +
      (memory.features > 0 ? `cached features ${formatBytes(memory.features)} + ` : "") +
      `other ${formatBytes(memory.other)}`,
  ].join("\n");
}

/** What tuned answers changed: a line for each operation and variant, with the layers. */
function tunedLines({ steps }: Plan): string[] {
  const layers = new Map<string, Set<string>>();
  for (const { op, variant, instead, layer } of steps) {
    if (instead === undefined) continue;
    const change = `${op} by ${variant} instead of ${instead}`;
    layers.set(change, (layers.get(change) ?? new Set()).add(layer));
  }
  return [...layers].map(([change, names]) => `tuned      ${change}: ${[...names].join(", ")}`);
}
