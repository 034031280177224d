/** All rows that need a GPU, the same in a page and in Node. */
import { adapterName, requestGpu } from "../../src/index";
import { installCounters } from "./measure/counts";
import { PeakMeter } from "./measure/peaks";
import { fullPace, hurriedPace, largePace, quickPace } from "./measure/timing";
import { largeNetworks, smallNetwork } from "./networks";
import { type Peaks, type Row, type SuiteOptions, type SuiteResult } from "./result";
import { Absences, type Context, type OrtPlace } from "./rows/context";
import { inferenceRows } from "./rows/inference";
import { kernelRows } from "./rows/kernels";
import { stepRows } from "./rows/steps";
import { startJaxjs } from "./systems/jaxjs";
import { startTfjs } from "./systems/tfjs";

/** After these, with what was done before the suite, a quick run hurries, so that it stays under three minutes where the machine is slow or busy. */
const quickSeconds = 90;

/** What a page and Node give differently. */
export interface Surroundings {
  readonly say: (text: string) => void;
  readonly ort: OrtPlace;
}

/** @throws when there is no adapter, a peer does not start at all, or results differ. */
export async function runSuite(options: SuiteOptions, surroundings: Surroundings): Promise<SuiteResult> {
  const { quick, large, only } = options;
  const gpu = await requestGpu();
  try {
    installCounters(gpu.device);
    await startTfjs();
    await startJaxjs();
    const wants = (id: string) => only.length === 0 || only.some((part) => id.includes(part));
    const absences = new Absences();
    const started = performance.now() - 1000 * (options.elapsed ?? 0);
    const late = () => quick && performance.now() - started > 1000 * quickSeconds;
    const pace = () => (late() ? hurriedPace : quick ? quickPace : fullPace);
    const context: Context = { gpu, pace, late, quick, large, wants, absences, ...surroundings };
    const meter = new PeakMeter(gpu);
    const measurePeaks = async () => {
      surroundings.say("peaks");
      await meter.measure();
    };
    await measurePeaks();
    const rows: Row[] = [];
    for (const network of [smallNetwork, ...(large ? largeNetworks : [])]) {
      const own = network === smallNetwork ? context : { ...context, pace: () => (quick ? quickPace : largePace) };
      rows.push(...(await stepRows(network, own)), ...(await inferenceRows(network, own)));
    }
    await measurePeaks();
    rows.push(...(await kernelRows(context)));
    await measurePeaks();
    return {
      adapter: adapterName(gpu.adapter),
      software: gpu.adapter.software,
      peaks: meter.best,
      rows: rows.filter((row) => wants(row.id)).map((row) => withShares(row, meter.best)),
      absent: absences.all,
    };
  } finally {
    gpu.dispose();
  }
}

function withShares(row: Row, peaks: Peaks): Row {
  if (!row.work || typeof row.thaw === "number") return row;
  const { flops, bytes } = row.work;
  const { median, fastest } = row.thaw;
  const perSecond = (count: number, milliseconds: number) => count / milliseconds / 1e6; // 10^9 a second
  return {
    ...row,
    gflops: perSecond(flops, median),
    gbps: perSecond(bytes, median),
    shareOfPeak: perSecond(flops, fastest) / peaks.gflops,
    shareOfCopy: perSecond(bytes, fastest) / peaks.gbps,
  };
}
