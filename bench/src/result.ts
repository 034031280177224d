/** What a run of the benchmark says. Plain data: the same in the page, in Node, in the file and in the table. */

export interface Timed {
  /** Milliseconds. */
  readonly median: number;
  /** Half the distance between the quartiles. */
  readonly spread: number;
  /** The fastest run: what else the machine does can only make a run slower. */
  readonly fastest: number;
  /** Timed runs behind the median. */
  readonly runs: number;
}

export type System = "thaw" | "tfjs" | "jaxjs" | "ort";

export const peers = ["tfjs", "jaxjs", "ort"] as const;

export const systemNames: Readonly<Record<System, string>> = {
  thaw: "Thaw",
  tfjs: "TF.js",
  jaxjs: "jax-js",
  ort: "ONNX RT Web",
};

export type Measured = Timed | number;

export interface Row {
  /** Such as `step/mobilenetv2-0.35-96/all`, `kernel/conv3x3-56-64-64/dw`, `count/dispatches/all`. */
  readonly id: string;
  readonly unit: "ms" | "bytes" | "count" | "times";
  readonly thaw: Measured;
  readonly tfjs?: Measured;
  readonly jaxjs?: Measured;
  readonly ort?: Measured;
  /** TF.js's figure over Thaw's: above 1 where Thaw needs less. Absent where Thaw's is 0 or TF.js has none. */
  readonly ratio?: number;
  /** How the results were compared before any time was believed, and what came of it. */
  readonly parity?: string;
  /** What a reader has to know in order to read the figures rightly. */
  readonly note?: string;
  /** Further figures that belong to the row, by name. */
  readonly details?: Readonly<Record<string, number>>;
  /** Thaw's kernel variant. */
  readonly variant?: string;
  /** Operations and bytes that the problem needs at least, for the shares below. */
  readonly work?: { readonly flops: number; readonly bytes: number };
  readonly gflops?: number;
  readonly gbps?: number;
  /** Of the adapter's own multiply-add peak, measured in the same run: fastest run to fastest run, because noise has no part in either. */
  readonly shareOfPeak?: number;
  /** The same of the adapter's own copy bandwidth. */
  readonly shareOfCopy?: number;
}

export interface Peaks {
  /** Multiply-adds counted as two, without any memory access; 10^9 a second. */
  readonly gflops: number;
  /** Bytes read and written by a plain copy; 10^9 a second. */
  readonly gbps: number;
}

/** Why a figure is missing: by row, then by system ("thaw" where the whole row is missing). */
export type Absent = Readonly<Record<string, Readonly<Partial<Record<System, string>>>>>;

/** What the suite gives back, in a page or in Node. */
export interface SuiteResult {
  readonly adapter: string;
  /** A CPU behind the interface. */
  readonly software: boolean;
  readonly peaks: Peaks;
  readonly rows: readonly Row[];
  readonly absent: Absent;
}

/** The file. */
export interface BenchResult extends SuiteResult {
  readonly versions: Readonly<Record<string, string>>;
  readonly commit: string;
  /** Such as `page, Chromium 156.0.1.2` or `node v20.20.0`. */
  readonly runtime: string;
  readonly quick: boolean;
  readonly seconds: number;
}

export interface SuiteOptions {
  readonly quick: boolean;
  /** Also networks that want a GPU. */
  readonly large: boolean;
  /** Parts of rows' ids, one of which a row's must hold; all rows when empty. */
  readonly only: readonly string[];
  /** Seconds that were spent before the suite began; default 0. */
  readonly elapsed?: number;
}

/** Known when the programs are built, so that a bundle carried elsewhere still knows it. */
export interface BuildInfo {
  readonly commit: string;
  readonly versions: Readonly<Record<string, string>>;
  /** The rows `size/...`. */
  readonly sizes: readonly Row[];
  readonly absent: Absent;
}

export const medianOf = (measured: Measured): number => (typeof measured === "number" ? measured : measured.median);

/** TF.js's figure over Thaw's; undefined where it would mean nothing. */
export function ratioOf(thaw: Measured, tfjs: Measured | undefined): number | undefined {
  if (tfjs === undefined || medianOf(thaw) === 0) return undefined;
  return medianOf(tfjs) / medianOf(thaw);
}
