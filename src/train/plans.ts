/** The plans of a compiled model: made once for what they depend on, and again where kernels were timed meanwhile. */
import type { Gpu } from "../gpu/device";
import { adapterTraits } from "../nn/adapter-traits";
import type { FeatureRequest } from "../nn/compile/cut-features";
import type { Halving } from "../nn/compile/half-weights";
import { featureCut, makePlan } from "../nn/compile/make-plan";
import type { Plan } from "../nn/compile/plan";
import type { Mode, Objective, Preparation } from "../nn/compile/trace";
import type { Optimizer } from "../nn/compile/update";
import type { Container } from "../nn/model";
import type { feedOf } from "./resident";
import { tuneFirst } from "./tuning";

/** What `compile()` settled. */
export interface PlanSettings {
  readonly gpu: Gpu;
  readonly model: Container;
  readonly loss: Objective | undefined;
  readonly metrics: readonly Objective[];
  readonly halving: Halving | undefined;
}

/** What a plan is made for. */
export interface WantedPlan {
  readonly mode: Mode;
  readonly batchSize: number;
  readonly feed?: ReturnType<typeof feedOf> | undefined;
  readonly features?: FeatureRequest | undefined;
  readonly preparation?: Preparation | undefined;
}

/** A plan, and the state of the tuned answers that it was made with. */
interface KnownPlan {
  readonly plan: Plan;
  readonly revision: number;
  /** It has run, and stays as it is: the same training does not change its kernels half-way. */
  ran: boolean;
}

export class Plans {
  readonly settings: PlanSettings;
  readonly #known = new Map<string, KnownPlan>();
  readonly #optimizers = new Map<Optimizer, number>();

  constructor(settings: PlanSettings) {
    this.settings = settings;
  }

  /** The plan, whether or not it will run. */
  get(wanted: WantedPlan, optimizer: Optimizer): Plan {
    return this.#find(wanted, optimizer).plan;
  }

  /**
   * The plan to run. Before it runs for the first time, kernels that have no answer yet are timed for it, as far as the
   * budget goes.
   *
   * @param timed false for plans that are not worth it, such as an epoch's last batch
   */
  async toRun(wanted: WantedPlan, optimizer: Optimizer, timed = true): Promise<Plan> {
    const { gpu } = this.settings;
    const draft = this.#find(wanted, optimizer);
    if (!draft.ran) await tuneFirst(gpu, draft.plan, adapterTraits(gpu), timed ? gpu.tuning.budget : 0);
    const known = this.#find(wanted, optimizer);
    known.ran = true;
    return known.plan;
  }

  /** The forward pass of training, every value with memory of its own. */
  diagnosis(wanted: Omit<WantedPlan, "mode">): Plan {
    const { gpu, ...settings } = this.settings;
    return makePlan({ ...settings, ...wanted, adapter: adapterTraits(gpu), mode: "train", forwardOnly: true });
  }

  /** Where features of the model could be cut off now, or why not. */
  featureCut({ mode, batchSize, preparation }: WantedPlan): ReturnType<typeof featureCut> {
    const { model, loss, metrics } = this.settings;
    return featureCut({ model, batchSize, mode, loss, metrics, preparation });
  }

  /** Plans made from now on follow the tuned answers of now, also those that have run. */
  forget(): void {
    this.#known.clear();
  }

  /** A plan is a pure function of what is in the key and of the tuned answers. */
  #find(wanted: WantedPlan, optimizer: Optimizer): KnownPlan {
    const { gpu, ...settings } = this.settings;
    const { model } = settings;
    const { mode, batchSize, feed, features, preparation } = wanted;
    const layers = model.flatLayers().map((l) => Number(l.trainable));
    const weights = mode === "train" ? model.allParameters().map((p) => Number(p.trainable)) : [];
    const flags = [layers.join(""), weights.join("")];
    const settled = [flags, preparation?.key, this.#idOf(optimizer), gpu.forceVariant];
    const key = JSON.stringify([mode, batchSize, feed, features, ...settled]);
    const { revision } = gpu.tuning;
    let known = this.#known.get(key);
    if (!known || (!known.ran && known.revision !== revision)) {
      const plan = makePlan({
        ...settings,
        ...wanted,
        adapter: adapterTraits(gpu),
        ...(mode === "train" && { optimizer }),
      });
      known = { plan, revision, ran: false };
      this.#known.set(key, known);
    }
    return known;
  }

  #idOf(optimizer: Optimizer): number {
    const id = this.#optimizers.get(optimizer) ?? this.#optimizers.size;
    this.#optimizers.set(optimizer, id);
    return id;
  }
}
