/** Hands bytes or text to the browser as a file. */
export function download(name: string, content: BlobPart, type = "application/octet-stream"): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken it over by the next task; the address would keep the bytes alive.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
