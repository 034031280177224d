/** Models written as ONNX, and what Python says of them: tools/interop_export_onnx.py looks at many in one request. */
import fs from "node:fs";
import path from "node:path";
import type { Shape } from "../../../src/kernels/operation";
import type { Place } from "../../support/fixtures";
import { readGoldenFile } from "./golden";
import type { Maker } from "./maker";

interface Numbers {
  readonly name: string;
  readonly shape: Shape;
  readonly data: Float32Array;
}

export interface Written {
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly inputs: readonly Numbers[];
  readonly outputs: readonly Numbers[];
  /** Whether the answer has the initializers' numbers. */
  readonly weights?: boolean;
}

export interface Checked {
  /** What onnx's checker or ONNX Runtime refused. */
  readonly refused?: string;
  /** Of ONNX Runtime's outputs. */
  readonly error?: number;
  readonly initializers: ReadonlyMap<string, { readonly shape: Shape; readonly data: Float32Array }>;
}

interface Answer {
  readonly results: Readonly<
    Record<string, { refused?: string; error?: number; initializers: Readonly<Record<string, Place>> }>
  >;
}

/** @returns what Python found, by the models' ids. */
export async function checkExports(
  maker: Maker,
  name: string,
  models: readonly Written[],
): Promise<ReadonlyMap<string, Checked>> {
  const folder = process.env.THAW_INTEROP_FILES!;
  const request = `export-onnx:${name}`;
  const stem = path.join(folder, request.replaceAll(/[^a-z0-9_]/g, "-"));
  fs.mkdirSync(folder, { recursive: true });
  for (const ending of ["json", "bin"]) fs.rmSync(`${stem}.${ending}`, { force: true }); // of an earlier run
  const parts: Float32Array[] = [];
  let offset = 0;
  const place = ({ name: tensor, shape, data }: Numbers) => {
    const found = { name: tensor, shape, offset };
    parts.push(data);
    offset += data.length;
    return found;
  };
  const todo = models.map(({ id, bytes, inputs, outputs, weights }, i) => {
    const file = `${path.basename(stem)}.${i}.onnx`;
    fs.writeFileSync(path.join(folder, file), bytes);
    return { id, file, inputs: inputs.map(place), outputs: outputs.map(place), weights };
  });
  fs.writeFileSync(
    `${stem}.todo.bin`,
    Buffer.concat(parts.map((p) => Buffer.from(p.buffer, p.byteOffset, p.byteLength))),
  );
  fs.writeFileSync(`${stem}.todo.json`, JSON.stringify(todo));
  const answer = readGoldenFile<Answer>(await maker.make(request));
  if (!process.env.THAW_KEEP) for (const { file } of todo) fs.rmSync(path.join(folder, file));
  return new Map(
    Object.entries(answer.json.results).map(([id, { initializers, ...found }]) => [
      id,
      {
        ...found,
        initializers: new Map(
          Object.entries(initializers).map(([tensor, p]) => [tensor, { shape: p.shape, data: answer.tensor(p) }]),
        ),
      },
    ]),
  );
}
