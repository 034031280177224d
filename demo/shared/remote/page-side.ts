/** The page's end of a worker: methods that return promises, and events. */
import type { Call, Message, Methods, Remote } from "./protocol";

/**
 * @param onEvent gets what the worker says by itself.
 * @param onCrash gets the message when the worker cannot be loaded or ends with an error; calls that wait are refused then.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- names what this worker's messages carry
export function connect<T extends Methods<T>, E = unknown>(
  worker: Worker,
  onEvent: (event: E) => void,
  onCrash: (message: string) => void,
): Remote<T> {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let last = 0;
  worker.addEventListener("message", ({ data }: MessageEvent<Message<E>>) => {
    if (data.kind === "event") {
      onEvent(data.event);
      return;
    }
    const call = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.kind === "answer") call?.resolve(data.value);
    else call?.reject(new Error(data.error));
  });
  worker.addEventListener("error", (event) => {
    const message = event.message || "The worker could not be loaded.";
    for (const { reject } of waiting.values()) reject(new Error(message));
    waiting.clear();
    onCrash(message);
  });
  return new Proxy({} as Remote<T>, {
    get: (_, method: string) => {
      // A proxy that answers to `then` would be taken for a promise.
      if (method === "then") return undefined;
      return async (...args: unknown[]) =>
        await new Promise((resolve, reject) => {
          const id = ++last;
          waiting.set(id, { resolve, reject });
          // A worker's postMessage, unlike a window's, has no origin to name.
          // oxlint-disable-next-line unicorn/require-post-message-target-origin
          worker.postMessage({ id, method, args } satisfies Call);
        });
    },
  });
}
