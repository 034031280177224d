/** Programs that read their weights in f16, made of those that read them in f32: two lines differ. */
import { Program } from "../program";

const lines = [
  ["var<storage, read> w: array<vec4f>;", "var<storage, read> w: array<vec2u>; // four halves each"],
  [
    "fn weights(i: u32) -> vec4f { return w[i]; }",
    "fn weights(i: u32) -> vec4f { let four = w[i]; return vec4f(unpack2x16float(four.x), unpack2x16float(four.y)); }",
  ],
] as const;

/**
 * The program with w as packed pairs of halves, four of them for each vector that it was. No feature is needed for that, and all
 * arithmetic stays in f32.
 *
 * @throws (when loaded) where a line is not there: a program that reads w in another way would be wrong without notice.
 */
export const readingHalves = (name: string, whole: Program): Program =>
  new Program(name, async () => readHalves(await whole.load()));

function readHalves(source: string): string {
  return lines.reduce((text, [whole, halves]) => {
    if (text.split(whole).length !== 2)
      throw new Error(`readingHalves: the WGSL program has the line "${whole}" not once; expected it exactly once.`);
    return text.replace(whole, () => halves);
  }, source);
}
