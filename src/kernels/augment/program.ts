/** Programs of augmentation, fetched like those of program.ts; they are named here so that pages without augmentation do not carry their names. */
import { Program } from "../program";

const files = () => import("../programs/augment");

export const augmentProgram = (name: keyof Awaited<ReturnType<typeof files>>): Program =>
  new Program(name, async () => (await files())[name]);
