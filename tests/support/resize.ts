/** Images of any size to bytes of one size: against TensorFlow's, and what is refused. In the browser and in Node. */
import { describe, expect, it } from "vitest";
import type { Gpu } from "../../src/index";
import { resizeImages, type PlainImage, type ResizeOptions } from "../../src/transfer/data/resize";
import { readGolden, type Place } from "./fixtures";

interface Json {
  readonly cases: readonly {
    readonly size: [number, number];
    readonly kind: "plain" | "crop" | "pad";
    readonly interpolation: "bilinear" | "nearest";
    readonly antialias: boolean;
    readonly image: Place;
    readonly result: Place;
  }[];
}

/** An opaque image of bytes from numbers [height, width, 3]. */
export function rgba(values: ArrayLike<number>, width: number, height: number): PlainImage {
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) data[4 * i + c] = values[3 * i + c];
  return { data, width, height };
}

export function resizeSuite(getGpu: () => Gpu): void {
  describe("resizeImages", () => {
    it("gives TensorFlow's images, rounded", async () => {
      const golden = await readGolden<Json>("resize");
      expect(golden.json.cases.length).toBeGreaterThan(8);
      for (const { size, kind, interpolation, antialias, image, result } of golden.json.cases) {
        const [height, width] = image.shape;
        const numbers = golden.tensor(image);
        const options: ResizeOptions = {
          interpolation,
          antialias,
          cropToAspectRatio: kind === "crop",
          padToAspectRatio: kind === "pad",
        };
        const expected = golden.tensor(result);
        const floats = { data: numbers.slice(), width, height };
        const images = [rgba(numbers, width, height), floats, { data: Uint8Array.from(numbers), width, height }];
        const bytes = await resizeImages(getGpu(), images, size, options);
        expect(bytes.length).toBe(3 * expected.length);
        // Half a step of rounding, and what f32 loses at a tie.
        const worst = bytes.reduce((a, b, i) => Math.max(a, Math.abs(b - expected[i % expected.length])), 0);
        expect(worst, `${kind} ${interpolation} ${image.shape.join("x")} to ${size.join("x")}`).toBeLessThanOrEqual(
          0.502,
        );
      }
    });

    it("resizes images of many sizes in one call as it resizes each alone", async () => {
      const images = [5, 70, 33, 1].map((n) =>
        rgba(
          Array.from({ length: 3 * n * 9 }, (_, i) => (i * 89) % 256),
          n,
          9,
        ),
      );
      const before = getGpu().memory.counters.liveBytes;
      const together = await resizeImages(getGpu(), images, [7, 5]);
      for (const [i, image] of images.entries())
        expect(await resizeImages(getGpu(), [image], [7, 5])).toEqual(together.slice(i * 105, (i + 1) * 105));
      expect(getGpu().memory.counters.liveBytes).toBe(before);
      expect(await resizeImages(getGpu(), [], [7, 5])).toEqual(new Uint8Array(0));
    });

    it("lays transparent pixels on the background, and repeats grey", async () => {
      const data = Uint8Array.of(100, 20, 0, 51, 100, 20, 0, 0, 100, 20, 0, 255);
      const image = { data, width: 3, height: 1 };
      const white = await resizeImages(getGpu(), [image], [1, 3]);
      expect([...white]).toEqual([224, 208, 204, 255, 255, 255, 100, 20, 0]);
      const own = await resizeImages(getGpu(), [image], [1, 3], { background: [0, 10, 100] });
      expect([...own]).toEqual([20, 12, 80, 0, 10, 100, 100, 20, 0]);
      const grey = await resizeImages(getGpu(), [{ data: Uint8Array.of(3, 9), width: 2, height: 1 }], [1, 2]);
      expect([...grey]).toEqual([3, 3, 3, 9, 9, 9]);
    });

    it("says what does not fit", async () => {
      const image = { data: new Uint8Array(16), width: 2, height: 2 };
      const refused = async (images: PlainImage[], size: [number, number], options?: object) =>
        await resizeImages(getGpu(), images, size, options).then(
          () => "nothing",
          (e: Error) => e.message,
        );
      expect(await refused([image, { ...image, width: 3 }], [2, 2])).toContain("image 1 has 16 bytes for 3 x 2 pixels");
      expect(await refused([image], [2, 0])).toContain("size [2, 0]; expected two whole numbers from 1");
      expect(await refused([image], [2, 2], { cropToAspectRatio: true, padToAspectRatio: true })).toContain(
        "one of them",
      );
      expect(await refused([image], [2, 2], { interpolation: "cubic" })).toContain('interpolation "cubic"');
      expect(await refused([image], [2, 2], { background: [0, 0, 256] })).toContain("[0, 0, 256]");
    });
  });
}
