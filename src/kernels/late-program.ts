/** Programs of operations that are registered later (registry-more.ts, registry-transfer.ts): pages without these do not carry even the names of their files. */
import { programsOf } from "./program";

/** The program `name`.wgsl, which the file of that name in programs/ lists. */
export const wgsl = programsOf({
  augment: () => import("./programs/augment"),
  counts: () => import("./programs/counts"),
  images: () => import("./programs/images"),
  inside: () => import("./programs/inside"),
  math: () => import("./programs/math"),
  updates: () => import("./programs/updates"),
  weighted: () => import("./programs/weighted"),
});
