// A strict Content-Security-Policy for the built page: nothing from elsewhere, no script or style inside the page's text.
// The dev server goes without: it puts its own script into the page.

/** What the page may do; a server may send the same as a header, which then holds for its worker too. */
export const contentPolicy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'", // the reader of old .h5 files is WebAssembly
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "font-src 'self'",
  "connect-src 'self' blob: data:",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** @returns {import("vite").Plugin} */
export function policy() {
  return {
    name: "thaw:policy",
    apply: "build",
    transformIndexHtml: () => [
      {
        tag: "meta",
        attrs: { "http-equiv": "Content-Security-Policy", content: contentPolicy },
        injectTo: "head-prepend",
      },
    ],
  };
}
