/** The worker's end: answers calls with what the methods return; errors travel as their messages. */
import type { Call, Message, Methods } from "./protocol";

/** @returns a function that sends an event to the page. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- names what this worker's messages carry
export function serve<T extends Methods<T>, E>(make: (tell: (event: E) => void) => T): void {
  // A worker's postMessage, unlike a window's, has no origin to name.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  const send = (message: Message<E>) => self.postMessage(message);
  const methods = make((event) => send({ kind: "event", event }));
  self.addEventListener("message", ({ data: { id, method, args } }: MessageEvent<Call>) => {
    void (async () => {
      try {
        send({ kind: "answer", id, value: await methods[method as keyof T](...args) });
      } catch (error) {
        send({ kind: "failure", id, error: error instanceof Error ? error.message : String(error) });
      }
    })();
  });
}
