import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

let folder = "";
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "thaw-run-"));
  fs.writeFileSync(path.join(folder, "kernel.wgsl"), "// plain source\n");
  fs.writeFileSync(path.join(folder, "late.ts"), `export const late: string = "late";`);
  fs.writeFileSync(
    path.join(folder, "main.ts"),
    `import source from "./kernel.wgsl?raw";
     const args = process.argv.slice(2);
     setTimeout(async () => {
       const { late } = await import("./late");
       console.log(JSON.stringify({ args, source, late }));
       if (args[0] === "throw") throw new Error("as asked");
       process.exitCode = Number(args[0]);
     }, 10);`,
  );
});
afterAll(() => {
  fs.rmSync(folder, { recursive: true });
});

function run(...args: string[]) {
  return spawnSync(process.execPath, ["tools/run.mjs", path.join(folder, "main.ts"), ...args], { encoding: "utf8" });
}

test("TypeScript, ?raw, late imports and arguments work, and stdout is the entry's alone", () => {
  const { status, stdout } = run("0", "--json");
  expect(JSON.parse(stdout)).toEqual({ args: ["0", "--json"], source: "// plain source\n", late: "late" });
  expect(status).toBe(0);
});

test("exit codes come through", () => {
  expect(run("3").status).toBe(3);
  const { status, stderr } = run("throw");
  expect(status).not.toBe(0);
  expect(stderr).toContain("as asked");
});
