/** Files as downloads of a page. */
import { ThawError } from "../../errors";
import type { SavedFile } from "../saved-file";

/** What is used of a page; workers have none. */
interface Page {
  readonly document?: Pick<Document, "createElement">;
}

/** Downloads take their bytes from the address some time after the click; browsers say nothing of when. */
const keptFor = 60_000;

/**
 * Hands each file to the browser, which puts it where it puts downloads, under a name of its own where the name is taken. Several files
 * are several downloads, which browsers ask the user about. What comes after that (a full disk) is between browser and user.
 *
 * @throws outside of pages.
 */
export async function download(files: readonly SavedFile[], signal: AbortSignal | undefined): Promise<void> {
  const { document } = globalThis as Page;
  if (!document)
    throw new ThawError(
      files[0].name,
      "cannot be downloaded here: there is no page",
      "a page, or a FileSystemFileHandle to write to",
      'In a worker, save to a format ("keras") and post the bytes to the page.',
    );
  signal?.throwIfAborted();
  for (const { name, bytes } of files) {
    const type = name.endsWith(".json") ? "application/json" : "application/octet-stream";
    const address = URL.createObjectURL(new Blob([bytes as BlobPart], { type }));
    const anchor = document.createElement("a");
    anchor.href = address;
    anchor.download = name;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(address), keptFor);
  }
}
