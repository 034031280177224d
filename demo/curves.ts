/** A line chart in SVG: several runs over the same epochs, drawn again at each point. */
const size = { width: 460, height: 240, left: 46, right: 92, top: 10, bottom: 34 };
const svgNamespace = "http://www.w3.org/2000/svg";

export interface ChartOptions {
  /** What the vertical axis begins and ends with; the end gives way to larger values. */
  readonly from: number;
  readonly to: number;
  readonly ticks: number;
  readonly format: (value: number) => string;
}

interface Series {
  readonly name: string;
  readonly points: [number, number][]; // epoch, value
}

export class Chart {
  readonly #svg: SVGSVGElement;
  readonly #options: ChartOptions;
  /** By CSS class, which gives the colour. */
  readonly #series = new Map<string, Series>();
  #epochs = 6;

  constructor(svg: SVGSVGElement, options: ChartOptions) {
    this.#svg = svg;
    this.#options = options;
    svg.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    this.#draw();
  }

  clear(epochs: number): void {
    this.#series.clear();
    this.#epochs = epochs;
    this.#draw();
  }

  /** @param epoch may be a fraction: the place within the epoch. */
  add(key: string, name: string, epoch: number, value: number): void {
    const series = this.#series.get(key) ?? { name, points: [] };
    this.#series.set(key, series);
    series.points.push([epoch, value]);
    this.#draw();
  }

  get #range(): [number, number] {
    const values = [...this.#series.values()].flatMap((s) => s.points.map(([, value]) => value));
    const { from, to } = this.#options;
    return [Math.min(from, ...values), Math.max(to, ...values)];
  }

  #draw(): void {
    const [low, high] = this.#range;
    const right = size.width - size.right;
    const bottom = size.height - size.bottom;
    const x = (epoch: number) => size.left + (epoch / this.#epochs) * (right - size.left);
    const y = (value: number) => bottom - ((value - low) / (high - low)) * (bottom - size.top);
    const parts: SVGElement[] = [];
    for (let tick = 0; tick <= this.#options.ticks; tick++) {
      const value = low + ((high - low) * tick) / this.#options.ticks;
      parts.push(line("grid", size.left, y(value), right, y(value)));
      parts.push(text(this.#options.format(value), size.left - 6, y(value) + 4, "end"));
    }
    const step = Math.ceil(this.#epochs / 8);
    for (let epoch = 0; epoch <= this.#epochs; epoch += step)
      parts.push(text(String(epoch), x(epoch), bottom + 16, "middle"));
    parts.push(text("epoch", (size.left + right) / 2, size.height - 3, "middle"));
    const ends: [number, SVGElement][] = [];
    for (const [key, { name, points }] of this.#series) {
      const curve = element("polyline", { class: key });
      curve.setAttribute("points", points.map(([epoch, value]) => `${round(x(epoch))},${round(y(value))}`).join(" "));
      const [epoch, value] = points.at(-1)!;
      const dot = element("circle", { class: `end ${key}`, cx: round(x(epoch)), cy: round(y(value)), r: 3 });
      parts.push(curve, dot);
      const label = text(name, right + 8, y(value) + 4, "start");
      label.setAttribute("class", `end ${key}`);
      ends.push([y(value) + 4, label]);
    }
    parts.push(...spread(ends));
    this.#svg.replaceChildren(...parts);
  }
}

/** Labels at least a line apart, in the order of their curves' ends. */
function spread(labels: [number, SVGElement][]): SVGElement[] {
  let above = Number.NEGATIVE_INFINITY;
  for (const [at, label] of labels.toSorted(([a], [b]) => a - b)) {
    above = Math.max(at, above + 13);
    label.setAttribute("y", String(round(above)));
  }
  return labels.map(([, label]) => label);
}

const round = (v: number) => Math.round(v * 10) / 10;

function element(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const made = document.createElementNS(svgNamespace, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

const line = (style: string, x1: number, y1: number, x2: number, y2: number) =>
  element("line", { class: style, x1, y1: round(y1), x2, y2: round(y2) });

function text(content: string, x: number, y: number, anchor: string): SVGElement {
  const made = element("text", { x: round(x), y: round(y), "text-anchor": anchor });
  made.textContent = content;
  return made;
}
