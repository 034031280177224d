// Holds the import directions: gpu <- kernels <- nn <- train <- index, transfer <- examples <- demo, cli; loaders -> nn.
// Also what each folder may take from npm: the core nothing, so that it runs with nothing installed beside it.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Each folder: what it may import, what of that as types only, and which packages ("node:" is Node's own; null: any). */
const rules = {
  "src/errors.ts": { from: [], types: [], packages: [] },
  "src/gpu": { from: ["src/errors.ts"], types: [], packages: ["webgpu", "node:"] },
  "src/kernels": { from: ["src/errors.ts", "src/gpu"], types: [], packages: [] },
  "src/nn": { from: ["src/errors.ts", "src/gpu", "src/kernels"], types: [], packages: [] },
  "src/train": { from: ["src/errors.ts", "src/gpu", "src/kernels", "src/nn"], types: [], packages: [] },
  "src/index.ts": { from: ["src/errors.ts", "src/gpu", "src/kernels", "src/nn", "src/train"], types: [], packages: [] },
  "src/transfer": {
    from: ["src/errors.ts", "src/gpu", "src/kernels", "src/nn", "src/train"],
    types: [],
    packages: ["fflate", "node:"],
  },
  "src/loaders": {
    from: ["src/errors.ts", "src/nn"],
    types: ["src/kernels"],
    packages: ["h5wasm", "fflate", "@bufbuild/protobuf", "node:"],
  },
  examples: { from: ["src/index.ts", "src/loaders/index.ts", "src/transfer/index.ts"], types: [], packages: [] },
  "src/cli": {
    from: ["src/index.ts", "src/loaders/index.ts", "src/transfer/index.ts", "examples"],
    types: [],
    packages: null,
  },
  studies: {
    from: ["src/index.ts", "src/loaders/index.ts", "src/transfer/index.ts", "src/cli/cats-dogs-files.ts", "examples"],
    types: [],
    packages: null,
  },
  demo: {
    from: ["src/index.ts", "src/loaders/index.ts", "src/transfer/index.ts", "examples", "assets"],
    types: [],
    packages: null,
  },
};

// `import ... from "x"` and `export ... from "x"` (with `type` or without), then `import("x")` and bare `import "x"`.
const imports =
  /^[ \t]*(?:import|export)\s+(type\s)?[^"'`;]*?\bfrom\s*["']([^"']+)["']|\bimport\s*\(?\s*["']([^"']+)["']/gm;

/** @param {string} root  @returns {string[]} one line for each import that goes the wrong way */
export function wrongImports(root) {
  const wrong = [];
  for (const [place, { from, types, packages }] of Object.entries(rules)) {
    for (const file of filesIn(path.join(root, place))) {
      for (const [, type, target = "", other] of fs.readFileSync(file, "utf8").matchAll(imports)) {
        const name = other ?? target;
        const local = name.startsWith(".");
        const goal = local ? path.relative(root, path.resolve(file, "..", name)).replaceAll("\\", "/") : name;
        const places = [place, ...from, ...(type ? types : [])];
        if (local ? places.some((to) => isWithin(goal, to)) : (packages?.some((to) => goal.startsWith(to)) ?? true))
          continue;
        const expected = local ? [place, ...from, ...types.map((to) => `types of ${to}`)] : (packages ?? []);
        wrong.push(
          `${path.relative(root, file)}: imports ${goal}; expected only ${expected.join(", ") || "no package"}.`,
        );
      }
    }
  }
  return wrong;
}

/** True in a folder, and for "src/loaders" or "src/loaders/index" where index.ts is meant. @param {string} goal @param {string} place */
const isWithin = (goal, place) =>
  goal === place || goal.startsWith(`${place}/`) || `${goal}.ts` === place || `${goal}/index.ts` === place;

/** @param {string} place  @returns {string[]} */
function filesIn(place) {
  if (!fs.existsSync(place) || fs.statSync(place).isFile()) return fs.existsSync(place) ? [place] : [];
  const names = fs.readdirSync(place, { recursive: true, encoding: "utf8" });
  return names.filter((name) => /\.tsx?$/.test(name)).map((name) => path.join(place, name));
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const wrong = wrongImports(fileURLToPath(new URL("..", import.meta.url)));
  for (const line of wrong) console.error(line);
  if (wrong.length > 0) process.exit(1);
}
