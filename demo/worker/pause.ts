/** A training that waits between epochs. */
export class Pause {
  readonly #changed: (paused: boolean) => void;
  #wanted = false;
  #go: (() => void) | undefined;

  /** @param changed is told when waiting begins and ends. */
  constructor(changed: (paused: boolean) => void) {
    this.#changed = changed;
  }

  set(on: boolean): void {
    this.#wanted = on;
    if (!on) this.#go?.();
  }

  /** Settles at once, or when training may go on, or when it is told to stop. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#wanted || signal.aborted) return;
    this.#changed(true);
    await new Promise<void>((resolve) => {
      this.#go = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    this.#go = undefined;
    this.#changed(false);
  }
}
