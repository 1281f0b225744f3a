/** @file WGSL on a device: texts that it refuses are shown with their lines; and the kernels that are the runtime's own. */

import { DeviceError } from "./errors.js";
import { DeviceGuard } from "./guard.js";
import { awaited } from "./waiting.js";

/** Of a device, by what they are made of: models that come and go compile nothing twice. They live as long as the device. */
const pipelines = new WeakMap<GPUDevice, Map<string, Promise<GPUComputePipeline>>>();

export interface PipelineText {
  /** What messages call it. */
  readonly title: string;
  readonly code: string;
  readonly entryPoint: string;
  /** Of group 0, the only one. */
  readonly bindings: readonly GPUBindGroupLayoutEntry[];
}

/** The pipeline of a text, made once a device. @throws Error with the lines of WGSL that the device refuses. */
export function pipelineOf(device: GPUDevice, text: PipelineText): Promise<GPUComputePipeline> {
  const known = pipelines.get(device) ?? new Map<string, Promise<GPUComputePipeline>>();
  pipelines.set(device, known);
  const key = JSON.stringify([text.entryPoint, text.bindings, text.code]);
  const pipeline = known.get(key) ?? makePipeline(device, text);
  known.set(key, pipeline);
  pipeline.catch(() => known.delete(key));
  return pipeline;
}

async function makePipeline(
  device: GPUDevice,
  { title, code, entryPoint, bindings }: PipelineText,
): Promise<GPUComputePipeline> {
  const module = await compileModule(device, code, title);
  const layout = device.createBindGroupLayout({ label: title, entries: bindings });
  const pipeline = device.createComputePipelineAsync({
    label: title,
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint },
  });
  return awaited(device, pipeline).catch(async (error: unknown) => {
    const failure = await DeviceGuard.of(device).explain(error);
    throw failure instanceof DeviceError ? failure : new Error(`${title}: ${failure.message}`);
  });
}

/** @throws Error with the lines of WGSL that the device refuses. */
export async function compileModule(device: GPUDevice, code: string, title: string): Promise<GPUShaderModule> {
  const { value: shader, confirmed } = DeviceGuard.of(device).scoped(title, () =>
    device.createShaderModule({ label: title, code }),
  );
  const { messages } = await awaited(device, shader.getCompilationInfo());
  const errors = messages.filter((message) => message.type === "error");
  if (errors.length > 0) throw new Error(`${title}: invalid WGSL\n${errors.map(quote(code)).join("\n")}`);
  await confirmed;
  return shader;
}

/** A compiler message with the lines it speaks of. */
function quote(wgsl: string): (message: GPUCompilationMessage) => string {
  const lines = wgsl.split("\n");
  return ({ lineNum, linePos, message }) => {
    if (lineNum === 0) return message;
    const first = Math.max(1, lineNum - 2);
    const shown = lines
      .slice(first - 1, lineNum)
      .map((line, index) => `${String(first + index).padStart(5)} | ${line}`);
    return [`${message} (line ${lineNum})`, ...shown, `${" ".repeat(7 + Math.max(1, linePos))}^`].join("\n");
  };
}

/** A buffer as a kernel sees it: what it may do, and the type of its contents. */
export type Binding = readonly [access: "uniform" | "read" | "write", type: string];

/** A kernel of the runtime's own, the same for every model but for numbers in its text. */
export interface KernelText<Name extends string> {
  readonly title: string;
  /** Declared in front of `code`, in this order. */
  readonly bindings: Readonly<Record<Name, Binding>>;
  /** Types, functions, and the entry point `main`. */
  readonly code: string;
}

const SPACES = { uniform: "uniform", read: "storage, read", write: "storage, read_write" } as const;
const TYPES = { uniform: "uniform", read: "read-only-storage", write: "storage" } as const;

/** Records a dispatch of so many workgroups along x, and along y if there are more. */
export type Recorded = (pass: GPUComputePassEncoder, workgroups: number, rows?: number) => void;

export class OwnKernel<Name extends string> {
  /** @throws Error with the lines of WGSL that the device refuses. */
  static async create<Name extends string>(
    device: GPUDevice,
    { title, bindings, code }: KernelText<Name>,
  ): Promise<OwnKernel<Name>> {
    const names = Object.keys(bindings) as Name[];
    const declared = names.map((name, binding) => {
      const [access, type] = bindings[name];
      return `@group(0) @binding(${binding}) var<${SPACES[access]}> ${name}: ${type};\n`;
    });
    const entries = names.map((name, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: TYPES[bindings[name][0]] },
    }));
    const text = { title, code: declared.join("") + code, entryPoint: "main", bindings: entries };
    return new OwnKernel(device, title, names, await pipelineOf(device, text));
  }

  private constructor(
    private readonly device: GPUDevice,
    private readonly title: string,
    private readonly names: readonly Name[],
    private readonly pipeline: GPUComputePipeline,
  ) {}

  /** The kernel over these buffers, to be recorded as often as wanted. */
  over(buffers: Readonly<Record<Name, GPUBuffer | GPUBufferBinding>>): Recorded {
    const group = this.device.createBindGroup({
      label: this.title,
      layout: this.pipeline.getBindGroupLayout(0),
      entries: this.names.map((name, binding) => {
        const given: GPUBuffer | GPUBufferBinding = buffers[name];
        return { binding, resource: "buffer" in given ? given : { buffer: given } };
      }),
    });
    return (pass, workgroups, rows = 1) => {
      pass.setPipeline(this.pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(workgroups, rows);
    };
  }
}
