/** Single operations in all three directions, Thaw beside TF.js and jax-js. */
import { elements } from "../../../src/kernels/operation";
import { interleave, type Contestant } from "../measure/timing";
import { relativeError, uniform } from "../random";
import { ratioOf, type Row } from "../result";
import { JaxKernel } from "./kernel-jaxjs";
import { TfjsKernel } from "./kernel-tfjs";
import { ThawKernel } from "./kernel-thaw";
import { attempt, checkAgreement, type Context } from "./context";
import { problems, type Problem } from "./problems";

export async function kernelRows(context: Context): Promise<Row[]> {
  const rows: Row[] = [];
  for (const problem of problems(context)) {
    if (!context.wants(problem.id)) continue;
    context.say(problem.id);
    rows.push(await kernelRow(problem, context));
  }
  return rows;
}

async function kernelRow(problem: Problem, context: Context): Promise<Row> {
  const { id, batch } = problem;
  const data = Object.fromEntries(
    Object.entries(problem.inputs).map(([name, shape], i) => [name, uniform(elements(shape), i + 1)]),
  );
  const thaw = await ThawKernel.create(context.gpu, problem, data);
  await thaw.run(1);
  const expected = await thaw.read();
  const agree = async (name: string, read: () => Promise<Float32Array>) =>
    checkAgreement(`${id}: ${name}`, relativeError(await read(), expected));
  const contestants: Contestant[] = [{ name: "thaw", run: async (times) => await thaw.run(times) }];
  const tfjs = await attempt(context, id, "tfjs", async () => {
    const kernel = new TfjsKernel(problem, data);
    await kernel.runSmall();
    return kernel;
  });
  // With few images everything has been compiled, at a fraction of the price.
  const prepare = () => Promise.resolve();
  if (tfjs) contestants.push({ name: "tfjs", run: async (times) => await tfjs.run(times), prepare });
  const jaxjs = await attempt(context, id, "jaxjs", async () => {
    if (context.late()) throw new Error("left out of this quick run, which was late");
    const kernel = new JaxKernel(problem, data); // compiled for one shape, so only the whole problem warms it up
    await kernel.run(1);
    await agree("jax-js", async () => await kernel.read());
    return kernel;
  });
  if (jaxjs) contestants.push({ name: "jaxjs", run: async (times) => await jaxjs.run(times), prepare });
  const times = await interleave(contestants, context.pace());
  const parity = tfjs && (await agree("TF.js", async () => await tfjs.read()));
  for (const kernel of [thaw, tfjs, jaxjs]) kernel?.dispose();
  return {
    id,
    unit: "ms",
    thaw: times.thaw,
    ...(times.tfjs && { tfjs: times.tfjs, ratio: ratioOf(times.thaw, times.tfjs) }),
    ...(times.jaxjs && { jaxjs: times.jaxjs }),
    ...(parity !== undefined && { parity }),
    ...(batch > 0 && { note: `images: ${batch}` }),
    variant: thaw.variant,
    work: thaw.work,
  };
}
