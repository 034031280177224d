/** A network as a list of layers that every system here can build: the same names, the same order, the same weights. */

export interface LayerSpec {
  readonly kind: "conv" | "depthwise" | "norm" | "relu" | "relu6" | "add" | "maxPool" | "pool" | "dense";
  readonly name: string;
  /** Names of layers, or "image". */
  readonly inputs: readonly string[];
  /** conv, dense. */
  readonly filters?: number;
  /** Side of the window: conv, depthwise, maxPool. */
  readonly kernel?: number;
  /** Default 1. */
  readonly stride?: number;
  /** Zeros put around the input by a layer of its own, [before, after] in height and width; without it, "same" for stride 1. */
  readonly pad?: readonly [number, number];
  /** conv; default false. */
  readonly bias?: boolean;
  /** norm. */
  readonly epsilon?: number;
  /** norm. */
  readonly momentum?: number;
}

export interface Network {
  /** As in the rows' ids, e.g. `mobilenetv2-0.35-96`. */
  readonly name: string;
  readonly specs: readonly LayerSpec[];
  /** Side of the square image. */
  readonly size: number;
  readonly classes: number;
  /** Images in a step. */
  readonly batch: number;
}

/** Collects layers, each fed by the one before it unless it says otherwise. */
export class LayerList {
  readonly specs: LayerSpec[] = [];
  last = "image";

  add(spec: Omit<LayerSpec, "inputs"> & { inputs?: readonly string[] }): string {
    this.specs.push({ inputs: [this.last], ...spec });
    this.last = spec.name;
    return spec.name;
  }
}

/** "same" where nothing is padded by hand and no stride asks for it. */
export const paddingOf = ({ pad, stride = 1, kernel = 1 }: LayerSpec): "same" | "valid" =>
  pad === undefined && stride === 1 && kernel > 1 ? "same" : "valid";
