/** Which format a file is written in: its ending tells, or the user. */
import { ThawError } from "../errors";
import type { SaveFormat } from "./saved-file";

/** Endings by format, the usual one first; longer endings before those they end with. */
const endings: Readonly<Record<SaveFormat, readonly string[]>> = {
  keras: [".keras"],
  "weights.h5": [".weights.h5"],
  h5: [".h5", ".hdf5"],
  onnx: [".onnx"],
  tfjs: [".json"],
  safetensors: [".safetensors"],
};

/** The formats by name: as a target, each means the files' bytes alone. */
export const saveFormats = Object.keys(endings) as readonly SaveFormat[];

export const isSaveFormat = (text: string): text is SaveFormat => Object.hasOwn(endings, text);

const listed = saveFormats.map((format) => `${endings[format][0]} (${format})`).join(", ");

/** The format that a name's ending means. */
function formatOfName(name: string): SaveFormat | undefined {
  const lower = name.toLowerCase();
  return saveFormats.find((format) => endings[format].some((ending) => lower.endsWith(ending)));
}

/**
 * @param name of the file, possibly with folders.
 * @param wanted what the user asks for.
 * @throws for an ending that means no format where none is asked for, and for one that means another.
 */
export function chooseFormat(name: string, wanted: SaveFormat | undefined): SaveFormat {
  if (wanted !== undefined && !isSaveFormat(wanted))
    throw new ThawError(name, `the format ${JSON.stringify(wanted)}`, saveFormats.join(", "));
  const told = formatOfName(name);
  if (told === undefined && wanted === undefined)
    throw new ThawError(
      name,
      "its ending names no format",
      listed,
      "Give it one of these endings, or pass { format }.",
    );
  if (told !== undefined && wanted !== undefined && told !== wanted)
    throw new ThawError(
      name,
      `its ending means ${told}, and ${wanted} was asked for`,
      `a name that ends with ${endings[wanted][0]}`,
      "Whoever reads the file goes by its name.",
    );
  return (wanted ?? told)!;
}

/** A file name for a model: its own, without what file systems refuse, and the format's ending. */
export function fileNameFor(model: string, format: SaveFormat): string {
  if (format === "tfjs") return "model.json";
  const plain = model.replace(/[^\p{L}\p{N}_.-]+/gu, "_").replace(/^\.+/, "");
  return `${plain || "model"}${endings[format][0]}`;
}
