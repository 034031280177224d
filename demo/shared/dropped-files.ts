/** Files and folders of a drop, as files with their paths: a drop itself cannot go to a worker. */
export interface PathFile {
  readonly path: string;
  readonly file: File;
}

/** Has to be called in the event's handler; browsers empty the drop afterwards. */
export async function droppedFiles(transfer: DataTransfer): Promise<PathFile[]> {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  // What is no entry of a file system, as files that a program puts into a drop.
  if (entries.length === 0) return Array.from(transfer.files, (file) => ({ path: file.name, file }));
  return (await Promise.all(entries.map(filesOf))).flat();
}

/** Files of an input, which knows folders where it was asked for one. */
export const chosenFiles = (files: readonly File[]): PathFile[] =>
  files.map((file) => ({ path: file.webkitRelativePath || file.name, file }));

async function filesOf(entry: FileSystemEntry): Promise<PathFile[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ path: entry.fullPath.replace(/^\//, ""), file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: PathFile[] = [];
  for (;;) {
    // A reader gives a hundred entries at a time, until it gives none.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found;
    found.push(...(await Promise.all(some.map(filesOf))).flat());
  }
}
