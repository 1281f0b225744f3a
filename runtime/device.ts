/** @file Asks the browser for a device, with the limits the compiled programs profit from. */

import { DeviceError } from "./errors.js";

/** What is worth telling people about an adapter. */
export interface AdapterDescription {
  /** The most telling name the adapter gives. */
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** True where the "GPU" is the CPU: right results, no speed. */
  readonly software: boolean;
}

/** What to ask of a device. */
export interface DeviceOptions {
  /** Features wanted where the adapter has them (`timestamp-query`, …), besides `shader-f16` and `subgroups`. */
  readonly features?: readonly GPUFeatureName[];
}

/** A device, and what it is a device of. */
export interface RequestedDevice {
  readonly device: GPUDevice;
  readonly adapter: AdapterDescription;
}

/**
 * The limits to ask for: the adapter's own, where a default would refuse a program that the hardware can run. Large
 * arenas need the first two, large tiles the others.
 */
export function requiredLimits(adapter: GPUAdapter): Record<string, number> {
  const { limits } = adapter;
  return {
    maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    maxBufferSize: limits.maxBufferSize,
    maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
    maxComputeWorkgroupSizeY: limits.maxComputeWorkgroupSizeY,
    maxComputeWorkgroupSizeZ: limits.maxComputeWorkgroupSizeZ,
  };
}

/** An adapter's names, and whether it is software. */
export function describeAdapter(adapter: GPUAdapter): AdapterDescription {
  return describeAdapterInfo(adapter.info);
}

export function describeAdapterInfo(info: GPUAdapterInfo): AdapterDescription {
  const { vendor, architecture, device, description, isFallbackAdapter } = info;
  const software =
    isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|basic render/i.test(`${architecture} ${device} ${description}`);
  const named = [description, device, `${vendor} ${architecture}`.trim()].find((text) => text !== "");
  return { name: named ?? "unnamed adapter", vendor, architecture, device, description, software };
}

/** Features that kernels profit from. */
const FEATURES: readonly GPUFeatureName[] = ["shader-f16", "subgroups"];

/** A device of `adapter` with `requiredLimits` and those of the wanted features, and of ours, that it has. */
export async function requestDeviceOf(adapter: GPUAdapter, options: DeviceOptions = {}): Promise<RequestedDevice> {
  const device = await adapter.requestDevice({
    requiredLimits: requiredLimits(adapter),
    requiredFeatures: [...new Set([...FEATURES, ...(options.features ?? [])])].filter((feature) =>
      adapter.features.has(feature),
    ),
  });
  return { device, adapter: describeAdapter(adapter) };
}

/**
 * A device of the browser's best adapter.
 * @throws Error where the browser has no WebGPU or no adapter, saying what to do.
 */
export async function requestDevice(options: DeviceOptions = {}): Promise<RequestedDevice> {
  const gpu = typeof navigator === "undefined" ? undefined : (navigator as { readonly gpu?: GPU }).gpu;
  if (gpu === undefined) {
    throw new DeviceError(
      "this environment has no WebGPU (navigator.gpu is missing): use a browser that has it, in a secure context " +
        '(https or localhost), or in Node.js requestNodeDevice of "seqc/runtime/node"',
    );
  }
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) {
    throw new DeviceError(
      "WebGPU is there but offers no adapter: check that the browser may use the GPU and its driver",
    );
  }
  return requestDeviceOf(adapter, options);
}
