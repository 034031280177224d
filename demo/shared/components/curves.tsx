/** Curves of several runs over the same axis, drawn by uPlot and read out as text. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { language } from "../i18n/index";
import { dark } from "./theme";

export interface Curve {
  readonly label: string;
  /** A custom property of the style sheet, e.g. "--run-head". */
  readonly color: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Of single measurements; thick and drawn with its points otherwise. */
  readonly thin?: boolean;
  /** Told apart without colour. */
  readonly dash?: readonly number[];
}

export interface CurvesProps {
  readonly curves: readonly Curve[];
  /** What the picture shows, for those who do not see it. */
  readonly label: string;
  readonly xLabel: string;
  readonly xMax: number;
  readonly y: readonly [low: number, high: number];
  readonly format: (value: number) => string;
}

const height = 230;

/** All x in order, and for each curve its values there, null elsewhere. */
export function aligned(curves: readonly Curve[]): uPlot.AlignedData {
  const xs = [...new Set(curves.flatMap(({ points }) => points.map(([x]) => x)))].toSorted((a, b) => a - b);
  const place = new Map(xs.map((x, i) => [x, i]));
  const columns = curves.map(({ points }) => {
    const column: (number | null)[] = xs.map(() => null);
    for (const [x, y] of points) column[place.get(x)!] = y;
    return column;
  });
  return [xs, ...columns];
}

const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function Curves({ curves, label, xLabel, xMax, y, format }: CurvesProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(curves);
  latest.current = curves;
  // Colours are read when a plot is made: another theme makes another plot, as do another list of curves and other axes.
  const identity = JSON.stringify([curves.map((c) => [c.label, c.thin]), xMax, dark.value, language.value]);

  useEffect(() => {
    const parent = place.current!;
    const values = () => latest.current.flatMap((c) => c.points.map(([, v]) => v)).filter(Number.isFinite);
    const axis = { stroke: color("--ink-quiet"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
    const made = new uPlot(
      {
        width: parent.clientWidth,
        height,
        legend: { show: false },
        cursor: { drag: { x: false, y: false } },
        scales: {
          x: { time: false, range: () => [0, xMax] },
          y: { range: () => [Math.min(y[0], ...values()), Math.max(y[1], ...values())] },
        },
        axes: [
          { ...axis, label: xLabel, labelSize: 20, size: 34, incrs: [1, 2, 5, 10, 20, 50, 100] },
          { ...axis, size: 52, values: (_, ticks) => ticks.map(format) },
        ],
        series: [
          {},
          ...latest.current.map((curve) => ({
            label: curve.label,
            stroke: color(curve.color),
            width: curve.thin ? 1 : 2.5,
            alpha: curve.thin ? 0.55 : 1,
            spanGaps: true,
            points: { show: !curve.thin, size: 6, fill: color(curve.color) },
            ...(curve.dash && { dash: [...curve.dash] }),
          })),
        ],
      },
      aligned(latest.current),
      parent,
    );
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: parent.clientWidth, height }));
    watch.observe(parent);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [identity]);

  useEffect(() => plot.current?.setData(aligned(curves)), [curves]);

  const ends = curves.filter((c) => !c.thin && c.points.length > 0);
  const text = ends.map((c) => `${c.label} ${format(c.points.at(-1)![1])}`).join(", ");
  return <div class="curves" ref={place} role="img" aria-label={text ? `${label}: ${text}` : label} />;
}
