import { expect, test } from "vitest";
import { stripWgsl } from "../../../tools/vite-plugin-wgsl.mjs";

test("comments and indentation go, the program stays", () => {
  const source = `// y = max(x, 0)
const TILE = 4u; // columns
/* one block /* and one inside */ still a comment */
@group(0) @binding(0) var<storage, read>   x: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
\tlet a = x[id.x] / 2.0; // half
}
`;
  expect(stripWgsl(source)).toBe(`const TILE = 4u;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
let a = x[id.x] / 2.0;
}
`);
});

test.each([
  ["let a = b / *p;", "let a = b / *p;\n"],
  ["let a = b - -c;", "let a = b - -c;\n"],
  ["let/**/a = 1;", "let a = 1;\n"],
  ["a = 1; // no line break behind", "a = 1;\n"],
  ["a = 1; // carriage return\r\nb = 2;", "a = 1;\nb = 2;\n"],
  ["a = b //* not a block\n  + c;", "a = b\n+ c;\n"],
])("tokens do not grow together: %s", (source, stripped) => {
  expect(stripWgsl(source)).toBe(stripped);
});

test("a block comment without an end is an error", () => {
  expect(() => stripWgsl("fn main() {} /* open")).toThrow(/not closed/);
});
