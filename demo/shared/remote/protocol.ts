/** Calls between a page and its worker, as messages of plain data. Any page of the demo may use it with an interface of its own. */

/** What can be called: each method answers plain data, or a promise of it. */
// oxlint-disable-next-line typescript/no-explicit-any -- only `any` lets an interface of methods with other arguments fit
export type Methods<T> = { readonly [K in keyof T]: (...args: any[]) => unknown };

/** The same methods as the page sees them. */
export type Remote<T extends Methods<T>> = {
  readonly [K in keyof T]: (...args: Parameters<T[K]>) => Promise<Awaited<ReturnType<T[K]>>>;
};

export interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** To a call, or by itself. */
export type Message<Event> =
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly error: string }
  | { readonly kind: "event"; readonly event: Event };
