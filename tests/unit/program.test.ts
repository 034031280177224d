/** The programs of kernels: listed once, fetched when needed, and fetched again after a failure. */
import { describe, expect, it } from "vitest";
import { dispatch, loadPrograms, type Kernel } from "../../src/kernels/kernel";
import { Program } from "../../src/kernels/program";
import { stepStruct } from "../../src/kernels/step";

const kernel = (program: Program): Kernel<object> => ({
  program,
  params: () => ({}),
  workgroups: () => [1, 1, 1],
  sizes: () => ({}),
  cost: () => ({ flops: 0, bytes: 0 }),
});

describe("the files in programs/", () => {
  it("hold every WGSL file once, under its own name", async () => {
    const lists = import.meta.glob<Record<string, string>>("../../src/kernels/programs/*.ts");
    const listed = (await Promise.all(Object.values(lists).map(async (load) => Object.entries(await load())))).flat();
    const texts = import.meta.glob<string>("../../src/kernels/**/*.wgsl", {
      query: "?raw",
      import: "default",
      eager: true,
    });
    const written = Object.entries(texts).map(([path, text]) => [/(\w+)\.wgsl$/.exec(path)![1], text]);
    const sorted = (entries: string[][]) => entries.toSorted(([a], [b]) => a.localeCompare(b));
    expect(sorted(listed)).toEqual(sorted(written));
  });
});

it("every program that reads the step's values declares them as they are packed", () => {
  const texts = Object.values(
    import.meta.glob<string>("../../src/kernels/**/*.wgsl", { query: "?raw", import: "default", eager: true }),
  ).filter((text) => /var<uniform>\s*step\b/.test(text));
  expect(texts.length).toBeGreaterThan(5);
  const plain = (text: string) => text.replace(/\/\/.*/g, "").replace(/\s+/g, " ");
  for (const text of texts) expect(plain(text)).toContain(plain(stepStruct));
});

describe("loadPrograms", () => {
  it("fetches each program once", async () => {
    let fetched = 0;
    const program = new Program("once", () => Promise.resolve(`text ${++fetched}`));
    const launches = [kernel(program), kernel(program)].map((k) => dispatch(k, {}, {}));
    await loadPrograms(launches);
    await loadPrograms(launches);
    expect([fetched, program.text]).toEqual([1, "text 1"]);
  });

  it("names the program that does not come, and tries again next time", async () => {
    const answers = [Promise.reject(new TypeError("Failed to fetch")), Promise.resolve("text")];
    answers[0].catch(() => {});
    const program = new Program("conv2d_tiles", () => answers.shift()!);
    const launch = [dispatch(kernel(program), {}, {})];
    await expect(loadPrograms(launch)).rejects.toThrow(
      "conv2d_tiles: its program could not be loaded (TypeError: Failed to fetch); expected ",
    );
    expect(() => program.text).toThrow("before it is loaded");
    await loadPrograms(launch);
    expect(program.text).toBe("text");
  });
});
