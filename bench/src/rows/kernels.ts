/** Single operations in all three directions, Thaw beside TF.js and jax-js. */
import { elements } from "../../../src/kernels/operation";
import { interleave, type Contestant } from "../measure/timing";
import { relativeError, uniform } from "../random";
import { ratioOf, type Row } from "../result";
import { finishJax, JaxKernel } from "./kernel-jaxjs";
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
  const { id } = problem;
  const data = Object.fromEntries(
    Object.entries(problem.inputs).map(([name, shape], i) => [name, uniform(elements(shape), i + 1)]),
  );
  const thaw = await ThawKernel.create(context.gpu, problem, data);
  await thaw.run(1);
  const expected = await thaw.read();
  const contestants: Contestant[] = [{ name: "thaw", run: async (times) => await thaw.run(times) }];
  const tfjs = new TfjsKernel(problem, data);
  // Already with few images everything is compiled, at a fraction of the price.
  contestants.push({
    name: "tfjs",
    run: async (times) => await tfjs.run(times),
    prepare: async () => await tfjs.runSmall(),
  });
  const jax = await attempt(context, id, "jaxjs", async () => {
    if (context.late()) throw new Error("left out of this quick run, which was late");
    const kernel = new JaxKernel(problem, data);
    await kernel.run(1);
    checkAgreement(`${id}: jax-js`, relativeError(await kernel.read(), expected));
    return kernel;
  });
  if (jax) contestants.push({ name: "jaxjs", run: async (times) => await jax.run(times), prepare: finishJax });
  const times = await interleave(contestants, context.pace());
  const parity = checkAgreement(`${id}: TF.js`, relativeError(await tfjs.read(), expected));
  const { variant, work } = thaw;
  thaw.dispose();
  tfjs.dispose();
  jax?.dispose();
  return {
    id,
    unit: "ms",
    thaw: times.thaw,
    tfjs: times.tfjs,
    ...(times.jaxjs && { jaxjs: times.jaxjs }),
    ratio: ratioOf(times.thaw, times.tfjs),
    parity,
    ...(problem.batch > 0 && { note: `images: ${problem.batch}` }),
    variant,
    work,
  };
}
