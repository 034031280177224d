import { zipSync } from "fflate";
import { describe, expect, it, vi } from "vitest";
import { datasetFromFiles } from "../../src/transfer/data/files";
import { datasetFromImages } from "../../src/transfer/data/images";
import { datasetFromVideo } from "../../src/transfer/data/video";
import { testGpu } from "../support/gpu";
import { decode, expectPets, files, imageFilesSuite } from "../support/image-files";
import { resizeSuite } from "../support/resize";
import { streamSuite } from "../support/stream";

const getGpu = testGpu();
resizeSuite(getGpu);
imageFilesSuite(getGpu);
streamSuite(getGpu);

type Rgba = readonly [number, number, number, number];

/** Left half one colour, right half another. */
function canvasOf(left: Rgba, right: Rgba, width = 16, height = 8): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d")!;
  for (const [color, x] of [
    [left, 0],
    [right, width / 2],
  ] as const) {
    context.fillStyle = `rgb(${color.slice(0, 3).join(" ")} / ${color[3]})`;
    context.fillRect(x, 0, width / 2, height);
  }
  return canvas;
}

const blobOf = async (canvas: HTMLCanvasElement, type: string) =>
  await new Promise<Blob>((give) => canvas.toBlob((blob) => give(blob!), type, 0.95));

const red: Rgba = [255, 0, 0, 1];
const blue: Rgba = [0, 0, 255, 1];
const bytesOf = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer());

/** An EXIF segment that says the picture was taken with the camera on its side (orientation 6: turn it to the right). */
const turned = Uint8Array.of(
  0xff,
  0xe1,
  0,
  34,
  0x45,
  0x78,
  0x69,
  0x66,
  0,
  0,
  0x4d,
  0x4d,
  0,
  42,
  0,
  0,
  0,
  8,
  0,
  1,
  0x01,
  0x12,
  0,
  3,
  0,
  0,
  0,
  1,
  0,
  6,
  0,
  0,
  0,
  0,
  0,
  0,
);

describe("datasetFromImages in a browser", () => {
  it("takes whatever can be drawn", async () => {
    const canvas = canvasOf(red, blue);
    const image = new Image();
    image.src = canvas.toDataURL("image/png"); // not loaded yet
    const offscreen = new OffscreenCanvas(16, 8);
    offscreen.getContext("2d")!.drawImage(canvas, 0, 0);
    const sources = [
      canvas,
      image,
      offscreen,
      canvas.getContext("2d")!.getImageData(0, 0, 16, 8),
      await createImageBitmap(canvas),
      await blobOf(canvas, "image/png"),
      await bytesOf(await blobOf(canvas, "image/png")),
      ...("VideoFrame" in window ? [new VideoFrame(canvas, { timestamp: 0 })] : []),
    ];
    const data = await datasetFromImages(getGpu(), sources, {
      size: [1, 2],
      interpolation: "nearest",
      labels: sources.map((_, i) => i),
    });
    expect(data.skipped).toEqual([]);
    expect([...data.x]).toEqual(sources.flatMap(() => [255, 0, 0, 0, 0, 255]));
  });

  it("decodes JPEG the way up that its EXIF data say", async () => {
    const jpeg = await bytesOf(await blobOf(canvasOf(red, blue, 64, 32), "image/jpeg"));
    const onItsSide = new Blob([jpeg.slice(0, 2), turned, jpeg.slice(2)], { type: "image/jpeg" });
    const { x, skipped } = await datasetFromImages(getGpu(), [new Blob([jpeg]), onItsSide], {
      size: [2, 2],
      interpolation: "nearest",
    });
    expect(skipped).toEqual([]);
    const near = (i: number, color: Rgba) => {
      for (let c = 0; c < 3; c++) expect(Math.abs(x[3 * i + c] - color[c]), `pixel ${i}`).toBeLessThan(40);
    };
    [red, blue, red, blue].forEach((color, i) => near(i, color));
    [red, red, blue, blue].forEach((color, i) => near(4 + i, color));
  });

  it("lays transparent pixels on the background", async () => {
    const png = await blobOf(canvasOf([0, 0, 0, 0], blue), "image/png");
    const white = await datasetFromImages(getGpu(), [png], { size: [1, 2], interpolation: "nearest" });
    expect([...white.x]).toEqual([255, 255, 255, 0, 0, 255]);
    const own = await datasetFromImages(getGpu(), [png], {
      size: [1, 2],
      interpolation: "nearest",
      background: [1, 2, 3],
    });
    expect([...own.x]).toEqual([1, 2, 3, 0, 0, 255]);
  });

  it("lists files that are no images, and images without pixels", async () => {
    const good = await blobOf(canvasOf(red, red), "image/png");
    const half = good.slice(0, 30);
    const sources = [new File(["text"], "text.png"), half, document.createElement("video"), good];
    const { names, skipped } = await datasetFromImages(getGpu(), sources, { size: 1 });
    expect(names).toEqual(["image 3"]);
    expect(skipped.map(({ name }) => name)).toEqual(["text.png", "image 1", "image 2"]);
    expect(skipped[2].reason).toContain("0 x 0 pixels");
  });
});

describe("datasetFromFiles in a browser", () => {
  it("reads images of a ZIP archive", async () => {
    const png = await bytesOf(await blobOf(canvasOf(red, red), "image/png"));
    const webp = await bytesOf(await blobOf(canvasOf(blue, blue), "image/webp"));
    const zip = zipSync({ "b/1.png": png, "a/1.webp": webp, "a/2.png": Uint8Array.of(1) });
    const data = await datasetFromFiles(getGpu(), [new File([zip], "data.zip")], { size: 1 });
    expect([data.classNames, [...data.y]]).toEqual([
      ["a", "b"],
      [0, 1],
    ]);
    expect(data.x[2]).toBeGreaterThan(240);
    expect(Array.from(data.x.slice(3))).toEqual([255, 0, 0]);
    expect(data.skipped.map(({ name }) => name)).toEqual(["a/2.png"]);
  });

  it("reads a folder's handle", async () => {
    const root = await navigator.storage.getDirectory();
    for (const [path, bytes] of Object.entries(files)) {
      const names = path.split("/");
      let folder = root;
      for (const name of names.slice(0, -1)) folder = await folder.getDirectoryHandle(name, { create: true });
      const writable = await (await folder.getFileHandle(names.at(-1)!, { create: true })).createWritable();
      await writable.write(bytes);
      await writable.close();
    }
    const pets = await root.getDirectoryHandle("pets");
    expectPets(await datasetFromFiles(getGpu(), pets, { size: [2, 3], decode }));
    await root.removeEntry("pets", { recursive: true });
    await root.removeEntry("__MACOSX", { recursive: true });
  });

  it("reads chosen files by their relative paths", async () => {
    const chosen = Object.entries(files).map(([path, bytes]) => {
      const file = new File([bytes], path.split("/").at(-1)!);
      Object.defineProperty(file, "webkitRelativePath", { value: path }); // what an input with webkitdirectory sets
      return file;
    });
    expectPets(await datasetFromFiles(getGpu(), chosen, { size: [2, 3], decode }));
  });

  it("reads dropped folders to the end, although they come a few files at a time", async () => {
    const drop = droppedFolders();
    const data = datasetFromFiles(getGpu(), drop.transfer, { size: [2, 3], decode });
    drop.end(); // as browsers do behind the event's handler
    expectPets(await data);
    const archive = new DataTransfer();
    archive.items.add(new File([zipSync(files)], "pets.zip"));
    expectPets(await datasetFromFiles(getGpu(), archive, { size: [2, 3], decode }));
    await expect(datasetFromFiles(getGpu(), new DataTransfer(), { size: 1 })).rejects.toThrow("nothing was dropped");
  });

  it("refuses a path", async () => {
    await expect(datasetFromFiles(getGpu(), "pets", { size: 1 })).rejects.toThrow('the path "pets" in a browser');
  });
});

/** A drop, which a page cannot make itself: entries of folders that give two of their files a call. */
function droppedFolders(): { transfer: DataTransfer; end: () => void } {
  const entry = (path: string): object => {
    const bytes = files[path.slice(1)] as Uint8Array<ArrayBuffer> | undefined;
    if (bytes)
      return { isFile: true, fullPath: path, file: (give: (file: File) => void) => give(new File([bytes], path)) };
    const below = Object.keys(files).filter((name) => name.startsWith(`${path.slice(1)}/`));
    const inner = [...new Set(below.map((name) => `${path}/${name.slice(path.length).split("/")[0]}`))];
    const createReader = () => {
      const left = inner.map(entry);
      return { readEntries: (give: (some: object[]) => void) => setTimeout(() => give(left.splice(0, 2))) };
    };
    return { isFile: false, fullPath: path, createReader };
  };
  let over = false;
  const item = (path: string) => ({
    kind: "file",
    webkitGetAsEntry: () => (over ? null : entry(path)),
    getAsFile: () => null,
  });
  const items = [{ kind: "string" }, item("/pets"), item("/__MACOSX")];
  const transfer = { items, getData: () => "" } as unknown as DataTransfer;
  return { transfer, end: () => (over = true) };
}

describe("VideoCapture", () => {
  it("takes frames of a stream for a class until it is stopped", async () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [32, 16];
    const context = canvas.getContext("2d")!;
    let color = "rgb(255 0 0)";
    const paint = () => {
      context.fillStyle = color;
      context.fillRect(0, 0, 32, 16);
    };
    paint();
    const painting = setInterval(paint, 20);
    const stream = canvas.captureStream(50);
    const seen: number[] = [];
    const capture = await datasetFromVideo(getGpu(), stream, {
      size: [2, 4],
      onFrames: (counts) => seen.push(counts.red + (counts.blue ?? 0)),
    });
    capture.start("red", { fps: 50 });
    expect(capture.recording).toBe("red");
    await expect(capture.dataset()).rejects.toThrow('the class "red" has no frames');
    await vi.waitFor(() => expect(capture.counts.red).toBeGreaterThan(8), { timeout: 20000 });
    await capture.stop();
    const reds = capture.counts.red;
    color = "rgb(0 0 255)";
    await new Promise((done) => setTimeout(done, 500));
    expect([capture.counts.red, capture.recording]).toEqual([reds, undefined]);
    await expect(capture.dataset()).rejects.toThrow("1 classes with frames");
    capture.start("blue", { fps: 50 });
    await vi.waitFor(() => expect(capture.counts.blue).toBeGreaterThan(3), { timeout: 20000 });
    await capture.stop();
    const data = await capture.dataset();
    expect([data.classNames, data.shape]).toEqual([
      ["red", "blue"],
      [2, 4, 3],
    ]);
    expect(data.x.length).toBe(24 * (reds + capture.counts.blue));
    expect(data.y.filter((id) => id === 0).length).toBe(reds);
    const [first, last] = [data.x.slice(0, 3), data.x.slice(-3)];
    expect(first[0] - first[2]).toBeGreaterThan(200);
    expect(last[2] - last[0]).toBeGreaterThan(200);
    expect(seen.at(-1)).toBe(reds + capture.counts.blue);
    clearInterval(painting);
    capture.dispose();
    for (const track of stream.getTracks()) track.stop();
    await expect(datasetFromVideo(getGpu(), stream, { size: 2 })).rejects.toThrow("without a live video track");
  });

  it("says what it does not take", async () => {
    const video = document.createElement("video");
    const capture = await datasetFromVideo(getGpu(), video, { size: 2, classNames: ["a", "b"], maxPerClass: 3 });
    expect(() => capture.start("c")).toThrow('class "c"; expected one of a, b');
    expect(() => capture.start("a", { fps: 0 })).toThrow("0 frames a second");
    capture.start("a"); // a video that has not begun gives nothing, and no error
    await new Promise((done) => setTimeout(done, 50));
    await capture.stop();
    expect(capture.counts).toEqual({ a: 0, b: 0 });
    await expect(datasetFromVideo(getGpu(), video, { size: 0 })).rejects.toThrow("size 0");
    await expect(datasetFromVideo(getGpu(), video, { size: 1, maxPerClass: 0 })).rejects.toThrow("maxPerClass 0");
  });
});
