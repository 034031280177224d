/** A damaged file may break the HDF5 library itself; the next whole file has to open all the same. */
import { describe, expect, it } from "vitest";
import { openHdf5 } from "../../../src/loaders/hdf5";
import { loadHdf5 } from "../../../src/loaders/hdf5-library";
import { counting, writeHdf5 } from "./build-files";

const whole = () => writeHdf5({ "dense/kernel": counting([3, 4]) }, { "/": { layer_names: ["dense"] } });

/** What one of many thousand damaged files did: the library's own records are overwritten. */
async function breakMemory() {
  const { module } = await loadHdf5();
  module.HEAPU8.fill(0xff, module.HEAPU8.length / 16);
}

describe("the HDF5 library", () => {
  it("opens whole files after its memory was broken", async () => {
    const bytes = await whole();
    (await openHdf5("first", bytes)).close();
    await breakMemory();
    const file = await openHdf5("second", bytes);
    expect(file.get("dense/kernel")).toMatchObject({ shape: [3, 4] });
    expect(file.texts("/", "layer_names")).toEqual(["dense"]);
    file.close();
  });

  it("says of a file that was open meanwhile that it is lost, and never answers with another file's numbers", async () => {
    const lost = await openHdf5("lost", await writeHdf5({ "dense/kernel": counting([3, 4], 7) }));
    const bytes = await whole(); // written by the library too, so before it is broken
    await breakMemory();
    const file = await openHdf5("next", bytes);
    expect(() => lost.get("dense/kernel")).toThrow(/lost: cannot be read as HDF5 \(it was open while/);
    lost.close();
    expect(file.get("dense/kernel")).toMatchObject({ shape: [3, 4] });
    file.close();
  });
});
