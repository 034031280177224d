/** A table in box characters with wrapped cells; widths and wrapping as Keras's printer (the Python package rich) has them. */

export interface Column {
  readonly title: string;
  readonly align: "left" | "right" | "center";
  /** Where it ends, as a part of the line. */
  readonly end: number;
}

/** Width of each column with a space at both sides. */
export function columnWidths(columns: readonly Column[], lineLength: number): number[] {
  const ends = columns.map((c) => Math.trunc(c.end * lineLength));
  const wanted = ends.map((end, i) => end - (ends[i - 1] ?? 0) + 2);
  // The borders and the spaces have to fit in too: what is too much is taken from all columns alike.
  let excess = wanted.reduce((a, b) => a + b, 0) + columns.length + 1 - lineLength;
  return wanted.map((width, i) => {
    const less = Math.min(width, roundToEven(excess / (columns.length - i)));
    excess -= less;
    return width - less;
  });
}

/** Python's `round`. */
function roundToEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

export function drawTable(
  columns: readonly Column[],
  widths: readonly number[],
  rows: readonly (readonly string[])[],
): string {
  const line = (left: string, fill: string, between: string, right: string) =>
    left + widths.map((w) => fill.repeat(w)).join(between) + right;
  const draw = (cells: readonly string[], bar: string) => {
    const wrapped = cells.map((text, i) => wrap(text, widths[i] - 2));
    const height = Math.max(...wrapped.map((lines) => lines.length));
    return Array.from({ length: height }, (_, y) => {
      const parts = wrapped.map((lines, i) => ` ${align(lines[y] ?? "", widths[i] - 2, columns[i].align)} `);
      return bar + parts.join(bar) + bar;
    });
  };
  const body = rows.flatMap((row, i) => [...(i > 0 ? [line("├", "─", "┼", "┤")] : []), ...draw(row, "│")]);
  return [
    line("┏", "━", "┳", "┓"),
    ...draw(
      columns.map((c) => c.title),
      "┃",
    ),
    line("┡", "━", "╇", "┩"),
    ...body,
    line("└", "─", "┴", "┘"),
  ].join("\n");
}

function align(text: string, width: number, how: Column["align"]): string {
  if (how === "right") return text.padStart(width);
  if (how === "center") return text.padStart(text.length + Math.floor((width - text.length) / 2)).padEnd(width);
  return text.padEnd(width);
}

/** Breaks at spaces; a word that is longer than the line ends in an ellipsis. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.match(/\s*\S+\s*/g) ?? [""]) {
    const last = lines.at(-1);
    if (last !== undefined && (last + word.trimEnd()).length <= width) lines[lines.length - 1] = last + word;
    else lines.push(word);
  }
  return lines.map((l) => l.trimEnd()).map((l) => (l.length > width ? `${l.slice(0, width - 1)}…` : l));
}
