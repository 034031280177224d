/** Pass 7, plan: the list of dispatches, what it costs, and what was left out and why. Plain data; a program can read it. */
import type { Dispatch } from "../../kernels/kernel";
import type { Phase } from "../graph";
import type { FeatureReport } from "./feature-report";
import type { Parameter } from "../parameter";
import type { HalvedWeights } from "./half-weights";
import type { Place } from "./plan-memory";
import type { PlanProblem } from "./problems";
import type { Simplified } from "./simplify";
import { planTable } from "./plan-text";

/** One dispatch of a step. */
export interface PlanStep {
  readonly phase: Phase;
  readonly layer: string;
  readonly op: string;
  readonly variant: string;
  /** The variant that runs where nothing is tuned, if a tuned answer took its place. */
  readonly instead?: string;
  readonly kernel: string;
  readonly gradient?: "dx" | "dw" | "sum";
  readonly merged: readonly string[];
  readonly flops: number;
  readonly bytes: number;
  readonly dispatch: Dispatch;
  /** Where each storage binding lies, with the bytes that are bound. */
  readonly bindings: readonly { readonly name: string; readonly place: Place; readonly bytes: number }[];
}

export interface PhaseTotals {
  readonly dispatches: number;
  readonly flops: number;
  readonly bytes: number;
}

/** What a plan does for one layer, and what it leaves out. */
export interface LayerPlan {
  readonly name: string;
  readonly className: string;
  readonly trainable: boolean;
  /** Names of the dispatches by what they compute. */
  readonly forward: readonly string[];
  readonly dx: boolean;
  readonly dw: boolean;
  /** Why dx or dw is absent; empty where both are there. */
  readonly reason: string;
  readonly flops: number;
  readonly bytes: number;
  /** Bytes of its outputs that the backward pass reads. */
  readonly savedActivationBytes: number;
}

/** Bytes of each buffer that running the plan needs. */
export interface PlanMemoryBytes {
  readonly parameters: number;
  readonly state: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly constants: number;
  readonly activations: number;
  /** Samples, labels and order of a data set that lies on the GPU. */
  readonly data: number;
  /** Cached features. */
  readonly features: number;
  readonly other: number;
}

export interface PlanFields {
  /** "features": only what lies below the cut, whose values are kept for the other plans. */
  readonly mode: "train" | "evaluate" | "predict" | "features";
  readonly batchSize: number;
  readonly steps: readonly PlanStep[];
  readonly layers: readonly LayerPlan[];
  readonly slotBytes: readonly number[];
  readonly memory: PlanMemoryBytes;
  readonly savedActivationBytes: number;
  /** Trained parameters with their byte offsets in the gradient arena. */
  readonly gradients: ReadonlyMap<Parameter, number>;
  /** Places of the values that the runtime reads or writes from outside. */
  readonly ports: Readonly<Record<string, Port>>;
  /** Bytes of the constants' buffers, by level. */
  readonly constantBytes: readonly number[];
  /** Constants of layers to upload, with their offsets in the buffer of level 0. */
  readonly constants: readonly { readonly offset: number; readonly data: Float32Array }[];
  /** What the simplify pass saved. */
  readonly gained: Simplified;
  /** Weights and moving statistics that a step changes. */
  readonly changes: readonly Parameter[];
  /** Whether features are cached, and why or why not; undefined where the question has not been asked. */
  readonly features: FeatureReport | undefined;
  /** What an autotuner may time, the heaviest first. */
  readonly problems: readonly PlanProblem[];
  /** Frozen weights that the plan reads in f16. */
  readonly halved: HalvedWeights | undefined;
}

/** A value that enters or leaves a plan. */
export interface Port {
  readonly place: Place;
  readonly shape: readonly number[];
}

/** A training, evaluation or prediction step as a list of dispatches, made once, replayed every step. */
export class Plan {
  constructor(readonly fields: PlanFields) {}

  get steps(): readonly PlanStep[] {
    return this.fields.steps;
  }

  /** Dispatches that run every step (all but "setup"). */
  get dispatches(): number {
    return this.steps.filter((s) => s.phase !== "setup").length;
  }

  /** Whether any dispatch binds a buffer that comes from outside, e.g. "data:x". */
  reads(resource: string): boolean {
    return this.steps.some((s) => s.bindings.some(({ place }) => place.kind === "resource" && place.name === resource));
  }

  /** Bytes allocated on the GPU while the plan can run: equal to what the runtime's counter shows. */
  get peakBytes(): number {
    return Object.values(this.fields.memory).reduce((a, b) => a + b, 0);
  }

  totals(phase: Phase): PhaseTotals {
    const steps = this.steps.filter((s) => s.phase === phase);
    const sum = (f: (s: PlanStep) => number) => steps.reduce((total, s) => total + f(s), 0);
    return { dispatches: steps.length, flops: sum((s) => s.flops), bytes: sum((s) => s.bytes) };
  }

  toJSON(): PlanJson {
    const { mode, batchSize, layers, memory, savedActivationBytes, features, halved } = this.fields;
    return {
      mode,
      batchSize,
      submits: 1,
      dispatches: this.dispatches,
      setup: this.totals("setup"),
      feed: this.totals("feed"),
      forward: this.totals("forward"),
      backward: this.totals("backward"),
      update: this.totals("update"),
      peakBytes: this.peakBytes,
      memory,
      savedActivationBytes,
      ...(features && { features: { cached: features.cached, reason: features.reason } }),
      ...(halved && { frozenWeights: halved }),
      layers,
      steps: this.steps.map(({ phase, layer, op, variant, instead, kernel, gradient, merged, flops, bytes }) => ({
        phase,
        layer,
        op,
        variant,
        ...(instead && { instead }),
        kernel,
        ...(gradient && { gradient }),
        ...(merged.length > 0 && { merged }),
        flops,
        bytes,
      })),
    };
  }

  /** A table that a student can read: a row a layer, then totals and what was skipped. */
  toString(): string {
    return planTable(this);
  }
}

export interface PlanJson {
  readonly mode: string;
  readonly batchSize: number;
  readonly submits: number;
  readonly dispatches: number;
  readonly setup: PhaseTotals;
  readonly feed: PhaseTotals;
  readonly forward: PhaseTotals;
  readonly backward: PhaseTotals;
  readonly update: PhaseTotals;
  readonly peakBytes: number;
  readonly memory: PlanMemoryBytes;
  readonly savedActivationBytes: number;
  readonly features?: { readonly cached: boolean; readonly reason: string };
  readonly frozenWeights?: HalvedWeights;
  readonly layers: readonly LayerPlan[];
  readonly steps: readonly object[];
}
