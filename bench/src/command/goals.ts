/** What the project has set itself to reach, on a software adapter with two cores; checked and shown beside the figures. */
import { medianOf, type Row } from "../result";

interface Goal {
  readonly text: string;
  readonly met: (row: Row) => boolean;
}

const faster = (ratio: number): Goal => ({ text: `${ratio} x`, met: (row) => (row.ratio ?? 0) >= ratio });

const atMost = (most: number, text = most.toLocaleString("en")): Goal => ({
  text: `<= ${text}`,
  met: (row) => medianOf(row.thaw) <= most,
});

const part = (most: number): Goal => ({
  text: `<= ${100 * most} %`,
  met: (row) => row.tfjs !== undefined && medianOf(row.thaw) <= most * medianOf(row.tfjs),
});

const fasterAndShare = (ratio: number, share: number): Goal => ({
  text: `${ratio} x, ${100 * share} %`,
  met: (row) => (row.ratio ?? 0) >= ratio && (row.shareOfPeak ?? 0) >= share,
});

const network = "step/mobilenetv2-0.35-96";
const parts = ["all", "first100", "head", "cached"] as const;

const goals: Readonly<Record<string, Goal>> = {
  [`${network}/all`]: faster(30),
  [`${network}/first100`]: faster(30),
  [`${network}/head`]: faster(25),
  [`${network}/cached`]: faster(500),
  "kernel/matmul-1024/forward": fasterAndShare(5, 0.25),
  "kernel/conv3x3-56-64-64/forward": fasterAndShare(5, 0.25),
  "kernel/conv1x1-28-96-576/forward": fasterAndShare(5, 0.25),
  "kernel/conv3x3-56-64-64/dw": faster(15),
  "kernel/conv1x1-28-96-576/dw": faster(15),
  "kernel/depthwise3x3-56-144/forward": faster(5),
  "kernel/depthwise3x3-56-144/dx": faster(20),
  "kernel/depthwise3x3-56-144/dw": faster(10),
  "count/dispatches/all": atMost(450),
  "count/dispatches/head": atMost(75),
  ...Object.fromEntries(parts.map((name) => [`count/submits/${name}`, atMost(1)])),
  ...Object.fromEntries(parts.map((name) => [`count/buffers/${name}`, atMost(0)])),
  "count/peakBytes/all": part(0.6),
  "count/peakBytes/head": part(0.15),
  "size/core": atMost(60_000, "60 KB"),
  "load/first-step": faster(2),
  "load/keras-15mb": atMost(500, "500 ms"),
  "load/keras-15mb/memory": atMost(2.5, "2.5 x"),
  "save/keras-15mb": atMost(500, "500 ms"),
  "load/onnx-100mb": atMost(1500, "1,500 ms"),
  "load/onnx-100mb/memory": atMost(2.5, "2.5 x"),
};

/** @returns undefined for a row without a goal. */
export function goalOf(row: Row): { readonly text: string; readonly met: boolean } | undefined {
  const goal = goals[row.id];
  return goal && { text: goal.text, met: goal.met(row) };
}
