/**
 * A call of `fit` that stands still between epochs, so that its steps can be run, counted and timed like anyone else's: on
 * resident data, with the loss read at the end of each epoch, as every user of `fit` gets them.
 */
import type { Container, Dataset, FitOptions } from "../../../src/index";

interface Waiting {
  readonly go: () => void;
}

export class PacedFit {
  readonly #stop = new AbortController();
  #waiting: Waiting | undefined;
  #onEpoch: ((loss: number) => void) | undefined;
  #onStanding: (() => void) | undefined;
  #onError: ((error: unknown) => void) | undefined;
  #ended: Promise<void> = Promise.resolve();

  private constructor() {}

  /**
   * Begins, and waits before the first step.
   *
   * @param data a whole number of batches: the steps of an epoch.
   * @param cacheFeatures what frozen layers compute is kept before the first step; by itself `fit` would decide.
   * @param preparation what is done to each batch before the first layer.
   */
  static async start(
    model: Container,
    data: Dataset,
    batchSize: number,
    cacheFeatures = false,
    preparation?: FitOptions["preparation"],
  ): Promise<PacedFit> {
    const paced = new PacedFit();
    const standing = new Promise<void>((resolve, reject) => {
      paced.#onStanding = resolve;
      paced.#onError = reject;
    });
    const onEpochBegin = () =>
      new Promise<void>((go) => {
        paced.#waiting = { go };
        paced.#onStanding?.();
      });
    const onEpochEnd = (_: number, { loss }: Readonly<Record<string, number>>) => paced.#onEpoch?.(loss);
    paced.#ended = model
      .fit(data, {
        epochs: Number.MAX_SAFE_INTEGER,
        batchSize,
        shuffle: false,
        cacheFeatures,
        ...(preparation && { preparation }),
        signal: paced.#stop.signal,
        callbacks: [{ onEpochBegin, onEpochEnd }],
      })
      .then(
        () => undefined,
        (error: unknown) => paced.#onError?.(error),
      );
    await standing;
    return paced;
  }

  /** Runs one epoch. @returns the mean loss. */
  async epoch(): Promise<number> {
    const loss = new Promise<number>((resolve, reject) => {
      this.#onEpoch = resolve;
      this.#onError = reject;
    });
    const standing = new Promise<void>((resolve) => (this.#onStanding = resolve));
    this.#waiting!.go();
    const value = await loss;
    await standing;
    return value;
  }

  /** Ends the call of fit, which frees what it held. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#waiting?.go();
    await this.#ended;
  }
}
