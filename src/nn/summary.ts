/** `summary(model)`: the table that Keras 3 prints, character for character, so that the two can be compared. */
import type { SampleShape } from "./layer";
import type { Layer } from "./layer";
import { Container } from "./model";
import { Sequential } from "./sequential";
import type { Parameter } from "./parameter";
import { topologicalOrder, type LayerCall } from "./symbolic";
import { columnWidths, drawTable, type Column } from "./summary-table";

export interface SummaryOptions {
  /** Characters in a line; default 88, or 108 with the column "Connected to". */
  readonly lineLength?: number;
  /** Also lists the layers of nested models. */
  readonly expandNested?: boolean;
  /** Adds a column: Y (trainable), N (frozen), - (no weights). */
  readonly showTrainable?: boolean;
}

/**
 * Layers, output shapes, numbers of weights and, where the model branches, what is connected to what.
 *
 * @example console.log(summary(model));
 */
export function summary(model: Container, options: SummaryOptions = {}): string {
  const calls = callsOf(model);
  const branches = !(model instanceof Sequential) && !isChain(model, calls);
  const columns: Column[] = [
    { title: "Layer (type)", align: "left", end: branches ? 0.3 : 0.45 },
    { title: "Output Shape", align: "left", end: branches ? 0.56 : 0.8 },
    { title: "Param #", align: "right", end: branches ? 0.74 : 1 },
  ];
  if (branches) columns.push({ title: "Connected to", align: "left", end: 1 });
  const shown = options.showTrainable
    ? [...columns.map((c) => ({ ...c, end: c.end * 0.9 })), { title: "Trainable", align: "center" as const, end: 1 }]
    : columns;
  const length = options.lineLength ?? (branches ? 108 : 88) + (options.showTrainable ? 12 : 0);

  const rowsOf = (layer: Layer, inside: readonly LayerCall[], depth: number): string[][] => {
    const prefix = depth > 0 ? `${"   ".repeat(depth)}└ ` : "";
    const row = [`${prefix}${layer.name} (${layer.className})`, shapeOf(layer, inside), countOf(layer)];
    if (branches) row.push(connections(layer, calls));
    if (options.showTrainable) row.push(layer.allParameters().length === 0 ? "-" : layer.trainable ? "Y" : "N");
    if (!options.expandNested || !(layer instanceof Container)) return [row];
    const nested = callsOf(layer);
    return [row, ...layer.layers.flatMap((l) => rowsOf(l, nested, depth + 1))];
  };
  const rows = model.layers.flatMap((layer) => rowsOf(layer, calls, 0));

  const parameters = model.allParameters();
  return [
    `Model: "${model.name}"`,
    drawTable(shown, columnWidths(shown, length), rows),
    total("Total params", parameters),
    total(
      "Trainable params",
      parameters.filter((p) => p.trainable),
    ),
    total(
      "Non-trainable params",
      parameters.filter((p) => !p.trainable),
    ),
  ].join("\n");
}

function total(title: string, parameters: readonly Parameter[]): string {
  const count = parameters.reduce((sum, p) => sum + p.count, 0);
  return ` ${title}: ${grouped(count)} (${readableSize(4 * count)})`;
}

/** Calls from inputs to outputs; none for a Sequential whose input shape is not known yet. */
function callsOf(model: Container): LayerCall[] {
  const known =
    model.layers.length > 0 && model.layers.every((layer) => layer.built || layer.className === "InputLayer");
  return known ? topologicalOrder(model.outputs) : [];
}

/** Whether every layer is called once, on the result of the layer before. */
function isChain(model: Container, calls: readonly LayerCall[]): boolean {
  const once = new Set(calls.map((c) => c.layer)).size === calls.length;
  return (
    model.inputs.length === 1 &&
    once &&
    calls.every((c, i) => i === 0 || (c.inputs.length === 1 && c.inputs[0].call === calls[i - 1]))
  );
}

function shapeOf(layer: Layer, calls: readonly LayerCall[]): string {
  const call = calls.findLast((c) => c.layer === layer);
  if (!call) return "?";
  const shapes = call.inputs.length === 0 ? [inputShape(layer)] : layer.outputShapes(call.inputs.map((t) => t.shape));
  const texts = shapes.map((shape) => `(${["None", ...shape].join(", ")})`);
  return texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
}

const inputShape = (layer: Layer): SampleShape => (layer as Layer & { readonly shape: SampleShape }).shape;

function countOf(layer: Layer): string {
  if (!layer.built && layer.className !== "InputLayer") return "0 (unbuilt)";
  return grouped(layer.allParameters().reduce((sum, p) => sum + p.count, 0));
}

/** Each input as layer[which call][which output]. */
function connections(layer: Layer, calls: readonly LayerCall[]): string {
  const inputs = calls.filter((c) => c.layer === layer).flatMap((c) => c.inputs);
  const texts = inputs.map((t) => {
    const callsOfSource = calls.filter((c) => c.layer === t.layer);
    return `${t.layer.name}[${callsOfSource.indexOf(t.call)}][${t.index}]`;
  });
  return texts.join(", ") || "-";
}

const grouped = (count: number) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");

function readableSize(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  let size = bytes;
  let unit = 0;
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024;
  return `${size.toFixed(2)} ${units[unit]}`;
}
