// Leaves out of production builds what operations say to tests and tools only: their example problems, and which inputs hold
// integers or have no gradient. A page never reads it.

/** @typedef {{ start: number, end: number, type: string, [key: string]: any }} Node */

/**
 * Every call `operation({ ... })` below a node of the syntax tree.
 * @param {any} node
 * @returns {Generator<Node>}
 */
function* operationCalls(node) {
  if (Array.isArray(node)) {
    for (const child of node) yield* operationCalls(child);
  } else if (node !== null && typeof node === "object") {
    if (node.type === "CallExpression" && node.callee.type === "Identifier" && node.callee.name === "operation")
      yield node;
    for (const child of Object.values(node)) yield* operationCalls(child);
  }
}

/**
 * The code without `cases`, `constants` and `integers` of every `operation({ ... })`; undefined where there is none.
 * @param {string} code JavaScript
 * @param {Node} program its syntax tree
 */
export function withoutCases(code, program) {
  let result = code;
  const found = [...operationCalls(program)]
    .flatMap((call) => call.arguments[0]?.properties ?? [])
    .filter((property) => /^(cases|constants|integers)$/.test(property.key?.name))
    .toSorted((a, b) => b.start - a.start);
  for (const { start, end } of found) {
    // With the comma that parts it from the next property.
    result = result.slice(0, start) + result.slice(end).replace(/^\s*,/, "");
  }
  return found.length > 0 ? result : undefined;
}

/** @returns {import("vite").Plugin} */
export function cases() {
  return {
    name: "thaw:cases",
    apply: "build",
    transform: {
      filter: { id: /\/src\/kernels\/.*\.ts$/ },
      handler(code) {
        const result = withoutCases(code, this.parse(code));
        return result === undefined ? undefined : { code: result, map: null };
      },
    },
  };
}
