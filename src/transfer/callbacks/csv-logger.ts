/** Logs of epochs as comma-separated values (RFC 4180), after Keras's CSVLogger. */
import { ThawError } from "../../errors";
import type { Callback, Logs } from "../../nn/trainer";

export interface CsvLoggerOptions {
  /** Between the values of a line. Default ",". */
  readonly separator?: string;
  /** Goes on where an earlier training ended: keeps what is there, and writes names only where there is nothing yet. Default false. */
  readonly append?: boolean;
}

/** Takes lines, each with its end. Training waits for it. */
export type LineWriter = (line: string) => unknown;

export interface CsvLogger extends Callback {
  /** What it has written. */
  readonly text: string;
}

/**
 * Writes a line of names, then one an epoch: its number from 0, and the logs in alphabetical order, which callbacks before this one may
 * have added to. A name that an epoch lacks is `NA`. Lines end with CR LF.
 *
 * @param target a path (in Node and the like), or a function that takes lines; default: only `text`.
 * @throws for a path where there is no file system, or that cannot be written.
 */
export function csvLogger(target: string | LineWriter = () => {}, options: CsvLoggerOptions = {}): CsvLogger {
  const { separator = ",", append = false } = options;
  if (separator.length !== 1 || /["\r\n]/.test(separator))
    throw new ThawError("csvLogger", `separator ${JSON.stringify(separator)}`, "one character, no quote or line break");
  let text = "";
  let names: readonly string[] | undefined;
  let withNames = true;
  let write: LineWriter = () => {};

  const field = (value: string | number) => {
    const plain = String(value);
    const quoted = plain.includes(separator) || /["\r\n]/.test(plain);
    return quoted ? `"${plain.replaceAll('"', '""')}"` : plain;
  };
  const put = async (values: readonly (string | number)[]) => {
    const line = `${values.map(field).join(separator)}\r\n`;
    text += line;
    await write(line);
  };
  return {
    get text() {
      return text;
    },
    async onTrainBegin() {
      if (!append) text = "";
      names = undefined;
      withNames = text === "";
      if (typeof target === "string") {
        const file = await openFile(target, append);
        withNames = file.empty;
        write = file.write;
      } else write = target;
    },
    async onEpochEnd(epoch: number, logs: Logs) {
      if (!names) {
        names = Object.keys(logs).toSorted();
        if (withNames) await put(["epoch", ...names]);
      }
      await put([epoch, ...names.map((name) => (logs as Record<string, number | undefined>)[name] ?? "NA")]);
    },
  };
}

async function openFile(path: string, append: boolean): Promise<{ empty: boolean; write: LineWriter }> {
  const fs = await import("node:fs/promises").catch(() => {
    throw new ThawError(
      "csvLogger",
      `the path ${path} where there is no file system`,
      "a function that takes lines",
      "Read the logger's text afterwards.",
    );
  });
  try {
    await fs.writeFile(path, "", { flag: append ? "a" : "w" });
    const { size } = await fs.stat(path);
    return { empty: size === 0, write: (line) => fs.appendFile(path, line) };
  } catch (error) {
    throw new ThawError("csvLogger", `${path}: ${(error as Error).message}`, "a file that can be written");
  }
}
