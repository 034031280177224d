/** The studio's worker as the page calls it. */
import { signal } from "@preact/signals";
import { connect } from "../../shared/remote/page-side";
import type { Remote } from "../../shared/remote/protocol";
import type { StudioEvent, StudioMethods } from "../../worker/protocol";

/** Why the worker is gone, where it is. */
export const crash = signal<string | undefined>(undefined);

const listeners = new Set<(event: StudioEvent) => void>();

export const onStudioEvent = (listener: (event: StudioEvent) => void): void => void listeners.add(listener);

let studio: Remote<StudioMethods> | undefined;

/** Starts the worker when it is first asked for. */
export function theStudio(): Remote<StudioMethods> {
  studio ??= connect<StudioMethods, StudioEvent>(
    new Worker(new URL("../../worker/main.ts", import.meta.url), { type: "module", name: "thaw-studio" }),
    (event) => {
      for (const listener of listeners) listener(event);
    },
    (message) => (crash.value = message),
  );
  return studio;
}
