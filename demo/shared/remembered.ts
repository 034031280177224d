/** Small choices that survive a reload. Where a browser keeps nothing, they last as long as the page. */
const prefix = "thaw.";

export function remembered(name: string): string | null {
  try {
    return localStorage.getItem(prefix + name);
  } catch {
    return null; // storage may be refused altogether
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(prefix + name, value);
  } catch {
    // It then lasts as long as the page.
  }
}
