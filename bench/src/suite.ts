/** All rows, in a page or in Node. */
import { adapterName, requestGpu } from "../../src/index";
import { kernelRows } from "./kernels";
import { measurePeaks, type Peaks } from "./peaks";
import { stepRows } from "./steps";
import { startTfjs } from "./tfjs";
import type { Timed } from "./timing";

export interface Row {
  readonly id: string;
  readonly unit: string;
  readonly thaw: Timed | number;
  readonly tfjs?: Timed | number;
  /** TF.js's median over Thaw's. */
  readonly ratio?: number;
  readonly losses?: Readonly<Record<string, number>>;
  readonly variant?: string;
  readonly gflops?: number;
  readonly gbps?: number;
  readonly shareOfPeak?: number;
}

export interface SuiteResult {
  readonly adapter: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly peaks: Peaks;
  readonly rows: readonly Row[];
}

export interface SuiteOptions {
  readonly quick: boolean;
  /** Part of the rows' ids; all when empty. */
  readonly only: string;
}

export async function runSuite({ quick, only }: SuiteOptions, say: (text: string) => void): Promise<SuiteResult> {
  const tfjs = await startTfjs();
  const gpu = await requestGpu();
  try {
    const wanted = (id: string) => id.includes(only);
    say("peaks");
    const peaks = await measurePeaks(gpu);
    const rounds = quick ? 3 : 7;
    const kernels = await kernelRows({ gpu, peaks, quick, rounds, only: wanted, say });
    const steps = await stepRows({ gpu, alpha: 0.35, size: 96, batch: 8, rounds: quick ? 2 : 5, only: wanted, say });
    return { adapter: adapterName(gpu.adapter), versions: { tfjs }, peaks, rows: [...steps, ...kernels] };
  } finally {
    gpu.dispose();
  }
}
