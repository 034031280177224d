// Strips what a GPU does not read from the WGSL of production builds. Dev server and tests keep the plain source.
import fs from "node:fs";

/**
 * Removes comments, indentation, blank lines and runs of blanks; line breaks and single blanks between tokens stay, so
 * no two tokens can grow together (`a / *p` must not become a comment) and compiler messages still name a short line.
 * WGSL has no strings, so a comment starts wherever `//` or `/*` stands outside a comment. Block comments nest.
 * @param {string} source
 */
export function stripWgsl(source) {
  let out = "";
  let depth = 0;
  for (let i = 0; i < source.length; i++) {
    const pair = source.slice(i, i + 2);
    if (pair === "/*") {
      depth++;
      i++;
    } else if (depth > 0) {
      if (pair === "*/") {
        depth--;
        i++;
        if (depth === 0) out += " "; // a comment separates tokens like a blank
      } else if (source[i] === "\n") {
        out += "\n";
      }
    } else if (pair === "//") {
      while (i + 1 < source.length && !/[\n\v\f\r\u0085\u2028\u2029]/.test(source[i + 1])) i++;
    } else {
      out += source[i];
    }
  }
  if (depth > 0) throw new Error("WGSL: a block comment is not closed; expected `*/`. Close it.");
  const lines = out.split(/\r\n|[\n\v\f\r\u0085\u2028\u2029]/).map((line) => line.replace(/\s+/g, " ").trim());
  return `${lines.filter(Boolean).join("\n")}\n`;
}

/** @returns {import("vite").Plugin} */
export function wgsl() {
  return {
    name: "thaw:wgsl",
    apply: "build",
    enforce: "pre",
    load: {
      filter: { id: /\.wgsl\?raw$/ },
      handler(id) {
        const file = id.replace(/\?raw$/, "");
        this.addWatchFile(file);
        return `export default ${JSON.stringify(stripWgsl(fs.readFileSync(file, "utf8")))};`;
      },
    },
  };
}
