/** Data sets of folders, archives and lists of images. Images are "decoded" from four bytes here, so that it runs in Node and in the browser. */
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import type { Gpu } from "../../src/index";
import { datasetFromFiles, type FilesOptions } from "../../src/transfer/data/files";
import { datasetFromImages } from "../../src/transfer/data/images";
import type { Decode } from "../../src/transfer/data/pixels";

/** A file of four bytes: the size of the picture, and its red and green; "!" is a broken one. */
export const decode: Decode = (bytes) => {
  const [width, height, red, green] = bytes;
  if (bytes.length !== 4) throw new Error("not four bytes");
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) data.set([red, green, 7], 3 * i);
  return { data, width, height };
};

export const picture = (red: number, green = 0, width = 5, height = 3) => Uint8Array.of(width, height, red, green);
const broken = Uint8Array.of(33);

export const files: Record<string, Uint8Array<ArrayBuffer>> = {
  "pets/dog/b.png": picture(20),
  "pets/dog/a.JPG": picture(10, 0, 2, 9),
  "pets/dog/notes.txt": Uint8Array.of(1),
  "pets/dog/broken.png": broken,
  "pets/cat/x.png": picture(30),
  "pets/cat/.hidden.png": picture(99),
  "pets/cat/y.webp": picture(40),
  "pets/cat/z.png": picture(50),
  "pets/stray.png": picture(60),
  "__MACOSX/pets/cat/._x.png": broken,
  "pets/bird/only.png": picture(70),
};

export const named = (contents = files) =>
  Object.entries(contents).map(([path, bytes]) => ({ path, file: new Blob([bytes]) }));

const options: FilesOptions = { size: [2, 3], decode };
const messageOf = async (work: Promise<unknown>) =>
  await work.then(
    () => "nothing was thrown",
    (e: Error) => e.message,
  );

export function expectPets(data: Awaited<ReturnType<typeof datasetFromFiles>>): void {
  expect(data.classNames).toEqual(["bird", "cat", "dog"]);
  expect(data.names).toEqual(
    ["bird/only.png", "cat/x.png", "cat/y.webp", "cat/z.png", "dog/a.JPG", "dog/b.png"].map((n) => `pets/${n}`),
  );
  expect([...data.y]).toEqual([0, 1, 1, 1, 2, 2]);
  expect(data.shape).toEqual([2, 3, 3]);
  const reds = [70, 30, 40, 50, 10, 20];
  expect([...data.x]).toEqual(reds.flatMap((red) => Array.from({ length: 6 }, () => [red, 0, 7]).flat()));
  expect(data.skipped).toEqual([
    { name: "pets/dog/notes.txt", reason: "not an image by its name" },
    { name: "pets/stray.png", reason: "in no folder of a class" },
    { name: "pets/dog/broken.png", reason: "not four bytes" },
  ]);
}

/** With a comment that looks like the end of an archive. */
function commented(zip: Uint8Array): Uint8Array {
  const comment = Uint8Array.from("PK\x05\x06 and twenty-two bytes or more behind it", (c) => c.charCodeAt(0));
  const all = new Uint8Array(zip.length + comment.length);
  all.set(zip);
  all.set(comment, zip.length);
  all[zip.length - 2] = comment.length;
  return all;
}

export function imageFilesSuite(getGpu: () => Gpu): void {
  describe("datasetFromFiles", () => {
    it("takes classes from folders, in order, and lists what it leaves out", async () => {
      expectPets(await datasetFromFiles(getGpu(), named(), options));
    });

    it("reads a ZIP archive, stored and deflated, alone or as the only file", async () => {
      const zip = commented(zipSync({ ...files, "pets/": new Uint8Array(0) }));
      const stored = zipSync(files, { level: 0 });
      expectPets(await datasetFromFiles(getGpu(), zip as Uint8Array<ArrayBuffer>, options));
      expectPets(await datasetFromFiles(getGpu(), stored.buffer, options));
      expectPets(await datasetFromFiles(getGpu(), [new File([zip as Uint8Array<ArrayBuffer>], "p.ZIP")], options));
    });

    it("says what is wrong with an archive", async () => {
      const load = (bytes: Uint8Array) => datasetFromFiles(getGpu(), bytes as Uint8Array<ArrayBuffer>, options);
      expect(await messageOf(load(picture(1)))).toContain("4 bytes without a ZIP directory");
      const locked = zipSync(files);
      for (let i = 0; i + 46 < locked.length; i++)
        if (locked[i] === 0x50 && locked[i + 1] === 0x4b && locked[i + 2] === 1 && locked[i + 3] === 2)
          locked[i + 8] |= 1;
      expect(await messageOf(load(locked))).toContain("none of 7 images could be read");
      expect(await messageOf(load(locked))).toContain("encrypted");
    });

    it("takes the classes that are asked for, in that order, and at most so many images", async () => {
      const data = await datasetFromFiles(getGpu(), named(), {
        ...options,
        classNames: ["dog", "cat"],
        maxPerClass: 1,
      });
      expect([data.classNames, [...data.y], data.names]).toEqual([
        ["dog", "cat"],
        [0, 1],
        ["pets/dog/a.JPG", "pets/cat/x.png"],
      ]);
    });

    it("does not read more than a few files at a time, and reports progress", async () => {
      let open = 0;
      let most = 0;
      const progress: number[] = [];
      const many = named(
        Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${i % 2}/${i}.png`, picture(i % 256)])),
      );
      const data = await datasetFromFiles(getGpu(), many, {
        ...options,
        concurrency: 3,
        decode: async (bytes, name) => {
          most = Math.max(most, ++open);
          await new Promise((go) => setTimeout(go));
          open--;
          return await decode(bytes, name);
        },
        onProgress: ({ done, total }) => {
          expect(total).toBe(300);
          progress.push(done);
        },
      });
      expect(most).toBe(3);
      expect(progress.at(-1)).toBe(300);
      expect(progress.length).toBeGreaterThan(2);
      const reds = data.names.map((name) => Number(/(\d+)\.png/.exec(name)![1]) % 256);
      expect([...data.x].filter((_, i) => i % 18 === 0)).toEqual(reds);
    });

    it("stops when it is told to", async () => {
      const stop = new AbortController();
      let decoded = 0;
      const work = datasetFromFiles(getGpu(), named(), {
        ...options,
        concurrency: 1,
        signal: stop.signal,
        decode: (bytes, name) => {
          if (++decoded === 3) stop.abort(new Error("enough"));
          return decode(bytes, name);
        },
      });
      expect(await messageOf(work)).toBe("enough");
      expect(decoded).toBe(3);
    });

    it("says what is missing", async () => {
      const load = (some: Record<string, Uint8Array<ArrayBuffer>>, more: Partial<FilesOptions> = {}) =>
        messageOf(datasetFromFiles(getGpu(), named(some), { ...options, ...more }));
      expect(await load({ "cat/1.png": picture(1), "cat/2.png": picture(2) })).toContain("one class only: cat (2)");
      expect(await load(files, { classNames: ["cat"] })).toContain("one class only");
      expect(await load(files, { classNames: ["cat", "cow"] })).toContain('no images of the class "cow"');
      expect(await load(files, { classNames: ["cat", "cat"] })).toContain("names that differ");
      expect(await load({ "a.txt": picture(1) })).toContain("no images in folders among 1 files; a.txt: not an image");
      expect(await load({})).toContain("no images in folders among 0 files");
      expect(await load({ "a/1.png": broken, "b/1.png": broken })).toContain(
        "none of 2 images could be read (a/1.png: not four bytes)",
      );
      expect(await load({ "a/1.png": picture(1), "b/1.png": broken })).toContain(
        'no image of the class "b" decodes (b/1.png',
      );
      expect(await load(files, { maxPerClass: 0 })).toContain("maxPerClass 0");
      expect(await load(files, { size: [0, 3] })).toContain("size 0,3");
      expect(await load(files, { concurrency: 0 })).toContain("concurrency 0");
    });
  });

  describe("datasetFromImages", () => {
    const image = { data: Uint8Array.of(9, 8, 7), width: 1, height: 1 };

    it("labels by names and by ids, and leaves out what does not decode", async () => {
      const data = await datasetFromImages(getGpu(), [image, broken, new File([picture(5)], "five.png")], {
        size: 1,
        decode,
        labels: ["b", "a", "a"],
      });
      expect([data.classNames, [...data.y], [...data.x]]).toEqual([
        ["a", "b"],
        [1, 0],
        [9, 8, 7, 5, 0, 7],
      ]);
      expect([data.names, data.skipped]).toEqual([
        ["image 0", "five.png"],
        [{ name: "image 1", reason: "not four bytes" }],
      ]);
      const ids = await datasetFromImages(getGpu(), [image, image], { size: 1, labels: [2, 0], names: ["p", "q"] });
      expect([ids.classNames, [...ids.y], ids.names]).toEqual([
        ["0", "1", "2"],
        [2, 0],
        ["p", "q"],
      ]);
      const none = await datasetFromImages(getGpu(), [image], { size: [2, 1] });
      expect([none.y, [...none.x], none.shape]).toEqual([undefined, [9, 8, 7, 9, 8, 7], [2, 1, 3]]);
    });

    it("says which labels do not fit, before it decodes", async () => {
      const load = (more: object) =>
        messageOf(datasetFromImages(getGpu(), [image, image], { size: 1, labels: [0, 1], ...more }));
      expect(await load({ labels: [1] })).toContain("1 labels for 2 images");
      expect(await load({ labels: ["a", "b"], classNames: ["a", "c"] })).toContain(
        "label b of image 1; expected one of 0 (a), 1 (c)",
      );
      expect(await load({ labels: [0, -1] })).toContain("label -1 of image 1");
      expect(await messageOf(datasetFromImages(getGpu(), [], { size: 1, labels: [] }))).toContain("no images");
      const wrong = { data: new Uint8Array(5), width: 2, height: 2 };
      const data = await datasetFromImages(getGpu(), [image, wrong], { size: 1, labels: [0, 1] });
      expect(data.skipped).toEqual([{ name: "image 1", reason: "5 values for 2 x 2 pixels" }]);
    });
  });
}
