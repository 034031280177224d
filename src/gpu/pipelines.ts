/**
 * Compute pipelines: compiled without blocking the page, and once only for the same program and constants.
 */
import { ThawError } from "../errors";
import { within } from "./within";

export interface PipelineRequest {
  /** For error messages and profiles, e.g. `matmul_registers`. */
  readonly label: string;
  /** The WGSL text after `specialize`. */
  readonly code: string;
  /** Values of `override` declarations. */
  readonly constants: Readonly<Record<string, number>>;
  readonly bindings: readonly { readonly index: number; readonly access: "read" | "read_write" | "uniform" }[];
}

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #pipelines = new Map<string, Promise<Pipeline>>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Pipelines compiled so far. */
  get size(): number {
    return this.#pipelines.size;
  }

  /** @throws when the program does not compile, with the compiler's messages and their lines. */
  get(request: PipelineRequest): Promise<Pipeline> {
    const key = `${JSON.stringify(request.constants)}\n${request.code}`;
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#compile(request);
      this.#pipelines.set(key, pipeline);
      // A failure is reported to whoever asked; the next request shall try again.
      pipeline.catch(() => this.#pipelines.delete(key));
    }
    return pipeline;
  }

  async #compile({ label, code, constants, bindings }: PipelineRequest): Promise<Pipeline> {
    let module = this.#modules.get(code);
    if (!module) {
      module = this.#device.createShaderModule({ label, code });
      this.#modules.set(code, module);
    }
    const layout = this.#device.createBindGroupLayout({
      label,
      entries: bindings.map(({ index, access }) => ({
        binding: index,
        visibility: 4, // GPUShaderStage.COMPUTE; the global is absent in Node
        buffer: { type: access === "uniform" ? "uniform" : access === "read" ? "read-only-storage" : "storage" },
      })),
    });
    try {
      const pipeline = await this.#device.createComputePipelineAsync({
        label,
        layout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: "main", constants: { ...constants } },
      });
      return { pipeline, layout };
    } catch (error) {
      const messages = await compilerMessages(module);
      throw new ThawError(
        label,
        `the program does not compile (${messages || String(error)})`,
        "valid WGSL within the device's limits",
      );
    }
  }
}

/** Empty where they do not come: an error without them is better than none. */
async function compilerMessages(module: GPUShaderModule): Promise<string> {
  try {
    const { messages } = await within(1000, module.getCompilationInfo());
    return messages.map((m) => `line ${m.lineNum}: ${m.message}`).join("; ");
  } catch {
    return "";
  }
}
