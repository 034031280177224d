import { parseAst } from "vite";
import { describe, expect, it } from "vitest";
import { withoutCases } from "../../../tools/vite-plugin-cases.mjs";

const strip = (code: string) => withoutCases(code, parseAst(code));

describe("withoutCases", () => {
  it("leaves out what only tests read, written out or not, and nothing else", () => {
    expect(strip('const a = operation({ name: "é", cases: [{ x: [1] }, ...more()], z: 1 });')).toBe(
      'const a = operation({ name: "é",  z: 1 });',
    );
    expect(strip("f(operation({ cases }), other({ cases: [1] }), operation({ cases: make() }));")).toBe(
      "f(operation({  }), other({ cases: [1] }), operation({  }));",
    );
    expect(strip('operation({ constants: ["a"], name, integers: ["b"] , gradients, constants });')).toBe(
      "operation({  name,  gradients,  });",
    );
    expect(strip("operation({ name, kernel: { constants: 1 } });")).toBeUndefined();
  });

  it("says nothing where there is no operation", () => {
    expect(strip("other({ cases: [1] }); operation({ name });")).toBeUndefined();
  });
});
