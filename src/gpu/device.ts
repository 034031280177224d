/**
 * Requesting a WebGPU device: in a browser from `navigator.gpu`, in Node from the npm package `webgpu`.
 */
import { ThawError } from "../errors";
import { GpuMemory } from "./memory";
import { PipelineCache } from "./pipelines";
import { parseTuning, Tuning, type TuningSetting } from "./tuning";

export interface GpuOptions {
  /** Which adapter a machine with several should give; default "high-performance". */
  readonly powerPreference?: GPUPowerPreference;
  /** Checks every plan with error scopes that name kernel and layer; slow. Default false. */
  readonly debug?: boolean;
  /** A WebGPU entry point other than the platform's own, e.g. from `create([...])` of the package `webgpu`. */
  readonly provider?: GPU;
  /** Features to leave unused although the adapter has them, e.g. to reproduce what another machine does. */
  readonly withoutFeatures?: readonly GPUFeatureName[];
  /** Whether kernels are timed on this adapter and the fastest kept; default "auto": on GPUs, before a plan first runs. */
  readonly tuning?: TuningSetting;
}

/** What is known of the adapter; plain data. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** A CPU behind the WebGPU interface. */
  readonly software: boolean;
  readonly features: readonly string[];
}

/** Below these no kernel of Thaw can run; they are WebGPU's guaranteed defaults, so only an odd provider misses them. */
const neededLimits = {
  maxStorageBuffersPerShaderStage: 8,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 16384, // bytes
  maxStorageBufferBindingSize: 134217728, // bytes
} as const;

/** Raised as far as the adapter allows, so that large models fit where they can. */
const raisedLimits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
] as const;

const usefulFeatures: readonly GPUFeatureName[] = ["timestamp-query", "shader-f16", "subgroups"];

/** A device with its memory and pipelines. Made by `requestGpu`; `dispose()` frees everything. */
export class Gpu {
  readonly memory: GpuMemory;
  readonly pipelines: PipelineCache;
  #errors: string[] = [];
  /** Resolves when the device is lost, with the reason; after `dispose()` the reason is "destroyed". */
  readonly lost: Promise<GPUDeviceLostInfo>;
  /** Forces kernels of one variant where an operation has it; for tests and benchmarks. */
  forceVariant: string | undefined;
  /** Submits since the device was requested. */
  submits = 0;

  constructor(
    readonly device: GPUDevice,
    readonly adapter: AdapterDescription,
    readonly debug: boolean,
    /** Which kernels were found fastest here; `tuning.table` is plain data that another run can be pinned to. */
    readonly tuning: Tuning,
  ) {
    this.memory = new GpuMemory(device);
    this.pipelines = new PipelineCache(device);
    this.lost = device.lost;
    device.addEventListener("uncapturederror", (event) => this.#errors.push(event.error.message));
  }

  /**
   * Validation and memory errors arrive late and at nobody's call; whoever has waited for results asks here.
   *
   * @throws ThawError with the first error since the last call.
   */
  throwErrors(): void {
    const first = this.#errors[0];
    this.#errors = [];
    if (first !== undefined)
      throw new ThawError(
        "GPU",
        first,
        "no error",
        "Request the device with { debug: true } to learn kernel and layer.",
      );
  }

  submit(commands: GPUCommandBuffer[]): void {
    this.submits++;
    this.device.queue.submit(commands);
  }

  /** Waits until the GPU has done everything submitted so far. */
  async finished(): Promise<void> {
    await this.device.queue.onSubmittedWorkDone();
  }

  /** Frees all buffers and the device. Models compiled on it cannot run any more. */
  dispose(): void {
    this.memory.dispose();
    this.device.destroy();
  }
}

/**
 * Requests a device with the features Thaw can use and the largest buffers the adapter allows.
 *
 * @throws ThawError when there is no WebGPU, no adapter, or a limit that no kernel can do without is missing, and for settings
 * of `tuning` that contradict each other.
 */
export async function requestGpu(options: GpuOptions = {}): Promise<Gpu> {
  const tuningOptions = parseTuning(options.tuning ?? "auto");
  const provider = options.provider ?? (await platformGpu());
  const adapter = await provider.requestAdapter({ powerPreference: options.powerPreference ?? "high-performance" });
  if (!adapter) {
    throw new ThawError(
      "requestGpu",
      "WebGPU is there but gave no adapter",
      "a GPU or a software adapter",
      remedyForNoAdapter,
    );
  }
  const missing = Object.entries(neededLimits).filter(
    ([name, least]) => adapter.limits[name as keyof typeof neededLimits] < least,
  );
  if (missing.length > 0) {
    const received = missing.map(([name]) => `${name} ${adapter.limits[name as keyof typeof neededLimits]}`).join(", ");
    const expected = missing.map(([name, least]) => `${name} at least ${least}`).join(", ");
    throw new ThawError(
      "requestGpu",
      `the adapter's limits are too small (${received})`,
      expected,
      "Use another adapter or browser.",
    );
  }
  const features = usefulFeatures.filter((f) => adapter.features.has(f) && !options.withoutFeatures?.includes(f));
  const device = await adapter.requestDevice({
    label: "thaw",
    requiredFeatures: features,
    requiredLimits: Object.fromEntries(raisedLimits.map((name) => [name, adapter.limits[name]])),
  });
  const description = describeAdapter(adapter, device.features);
  const tuning = await Tuning.open(tuningOptions, { key: adapterKey(description), software: description.software });
  return new Gpu(device, description, options.debug ?? false, tuning);
}

const remedyForNoAdapter =
  "In Chromium without a GPU, start it with --enable-unsafe-webgpu --use-webgpu-adapter=swiftshader; in Node, name a Vulkan driver in VK_ICD_FILENAMES.";

/** Node's entry point, kept for the life of the process: the package stops working once its object is collected. */
let nodeGpu: GPU | undefined;

async function platformGpu(): Promise<GPU> {
  // The DOM types promise navigator.gpu; older browsers and Node do not keep the promise.
  const browser = (globalThis.navigator as { gpu?: GPU } | undefined)?.gpu;
  if (browser) return browser;
  const inNode = (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node !== undefined;
  if (!inNode) {
    throw new ThawError(
      "requestGpu",
      "this page has no navigator.gpu",
      "a browser with WebGPU, and a page served over https or from localhost",
    );
  }
  try {
    // Written so that bundlers for the browser leave the optional package alone.
    const name = "webgpu";
    const { create } = (await import(/* @vite-ignore */ name)) as { create: (flags: string[]) => GPU };
    nodeGpu ??= create([]);
    return nodeGpu;
  } catch (error) {
    const remedy = 'Install it with "npm install webgpu".';
    throw new ThawError(
      "requestGpu",
      `Node has no WebGPU of its own (${String(error)})`,
      "the npm package webgpu",
      remedy,
    );
  }
}

/**
 * What an adapter says of itself. Some name the driver; Firefox keeps every name to itself and says only that it is a
 * fallback; older Chromium says that of the adapter and not of its info.
 */
export function describeAdapter(
  adapter: Pick<GPUAdapter, "info"> & { readonly isFallbackAdapter?: boolean },
  features: Iterable<string>,
): AdapterDescription {
  const { vendor, architecture, device, description } = adapter.info;
  const text = `${vendor} ${architecture} ${device} ${description}`.toLowerCase();
  const named = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|warp/.test(text);
  const told = (adapter.info as Partial<GPUAdapterInfo>).isFallbackAdapter ?? adapter.isFallbackAdapter;
  const software = named || told === true;
  return { vendor, architecture, device, description, software, features: [...features].toSorted() };
}

/** What tuned answers are kept under: the description often names the driver, and features decide which kernels there are. */
const adapterKey = ({ vendor, architecture, device, description, features }: AdapterDescription): string =>
  [vendor, architecture, device, description, ...features].join("|");

/** What a person calls an adapter: its description, or else maker, architecture and device. */
export function adapterName({ description, vendor, architecture, device }: AdapterDescription): string {
  return description || [vendor, architecture, device].filter(Boolean).join(" ") || "an adapter without a name";
}
