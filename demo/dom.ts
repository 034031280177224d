/** The page's elements, and tables made of text. */

/** @throws when the page has no such element of that kind: page and script do not belong together. */
export function byId(id: string): HTMLElement;
export function byId<T extends Element>(id: string, kind: new () => T): T;
export function byId(id: string, kind: new () => Element = HTMLElement): Element {
  const found = document.querySelector(`#${id}`);
  if (!(found instanceof kind)) throw new Error(`demo: the page has no ${kind.name} #${id}`);
  return found;
}

/** An element with text or children; text is never read as HTML. */
export function make(tag: string, content: string | readonly Node[] = "", className = ""): HTMLElement {
  const made = document.createElement(tag);
  if (typeof content === "string") made.textContent = content;
  else made.append(...content);
  if (className) made.className = className;
  return made;
}

/** A row of header or data cells; the first cell of a data row is its header. */
export const row = (cells: readonly (string | Node)[], tag: "th" | "td" = "td"): HTMLElement =>
  make(
    "tr",
    cells.map((cell) => make(tag, typeof cell === "string" ? cell : [cell])),
  );
