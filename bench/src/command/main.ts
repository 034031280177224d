/** npm run bench: Thaw beside the systems that a user might pick instead. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { BuildInfo } from "../result";
import { buildFileChild, buildNodeFile, installPeers, readCommit, readVersions, sizeRows, type Places } from "./build";
import { openBrowser } from "./browser";
import { fileRowIds, measureFiles } from "../files/rows";
import { output, readArguments, say, usage, type Arguments } from "./output";

const root = path.resolve(fileURLToPath(new URL("../../..", import.meta.url)));
const places: Places = { root, bench: path.join(root, "bench"), out: path.join(root, "bench/dist") };

try {
  const args = readArguments(process.argv.slice(2));
  if (args.help) console.log(usage);
  else await run(args);
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

async function run(args: Arguments): Promise<void> {
  const started = performance.now();
  const wants = (id: string) => args.only.length === 0 || args.only.some((part) => id.includes(part));
  installPeers(places, say);
  const info: BuildInfo = {
    commit: readCommit(places),
    versions: readVersions(places),
    sizes: ["size/core", "size/core+wgsl", "size/core+loaders"].some(wants) ? await sizeRows(places) : [],
    absent: {
      "load/first-step": { thaw: "in Node there is no page to load" },
      ...Object.fromEntries(
        fileRowIds.map((id) => [id, { thaw: "needs the packages that the loaders load on demand" }]),
      ),
    },
  };
  if (args.runtime === "node") {
    const file = await buildNodeFile(places, info);
    const { status } = spawnSync(process.execPath, [file, ...process.argv.slice(2)], { stdio: "inherit" });
    process.exitCode = status ?? 1;
    return;
  }
  // While nothing else runs: no page is open yet.
  const files = fileRowIds.some(wants) ? await measureFiles(await buildFileChild(places), wants, args.quick, say) : [];
  const browser = await openBrowser(places, say);
  try {
    const { json, quick, large, only } = args;
    const since = () => (performance.now() - started) / 1000;
    const result = await browser.suite({ quick, large, only, elapsed: since() });
    const rounds = quick ? (since() < 130 ? 2 : 1) : 5;
    const load = wants("load/first-step") ? [await browser.load(rounds)] : [];
    const seconds = since();
    const { commit, versions, sizes } = info;
    const rows = [...result.rows, ...load, ...files, ...sizes.filter((row) => wants(row.id))];
    output({ ...result, rows, commit, versions, runtime: browser.name, quick, seconds }, json);
  } finally {
    await browser.close();
  }
}
