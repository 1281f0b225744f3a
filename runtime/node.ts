/**
 * @file WebGPU in Node.js, through Dawn: the machine's GPU, or else a software adapter where one can be had.
 *
 * The only module of the runtime (with `swiftshader.ts`, `naps-node.ts`, `checkpoint-store-node.ts` and `tuner-cache-node.ts`) that knows Node.
 */

import { isMainThread } from "node:worker_threads";
import { create, globals } from "webgpu";
import type { DeviceOptions, RequestedDevice } from "./device.js";
import { describeAdapter, requestDeviceOf } from "./device.js";
import { DeviceError } from "./errors.js";
import { Naps } from "./naps-node.js";
import { findSwiftShader, preload } from "./swiftshader.js";
import { provideTuningCache } from "./tuner-cache.js";
import { FileTuningCache } from "./tuner-cache-node.js";
import { provideWaitingHost } from "./waiting.js";

export { FileCheckpointStore } from "./checkpoint-store-node.js";
export type { AdapterDescription, DeviceOptions, RequestedDevice } from "./device.js";

/**
 * Workgroup memory is not cleared before each kernel: ours write what they read. Software adapters spend most of a
 * pipeline's compilation on clearing it, element by element.
 */
const FLAGS = ["enable-dawn-features=disable_workgroup_init"];

const ADAPTER: GPURequestAdapterOptions = { powerPreference: "high-performance" };

/** Dawn's instance, held as long as the process lives: a device whose instance is collected never answers. */
let instance: Promise<GPU> | undefined;

/**
 * A device of the machine's GPU; on Linux (x64) without one, of SwiftShader, if `@sparticuz/chromium` is installed.
 * The names of WebGPU (`GPUBufferUsage`, …) become global. A Vulkan driver chosen by `VK_ICD_FILENAMES` or
 * `VK_DRIVER_FILES` is respected.
 * @throws Error where there is no adapter, saying what to install.
 */
export async function requestNodeDevice(options: DeviceOptions = {}): Promise<RequestedDevice> {
  const adapter = await (await nodeGpu()).requestAdapter(ADAPTER);
  if (adapter === null) throw new DeviceError(`no WebGPU adapter${underDriver()}: ${advice()}`);
  const requested = await requestDeviceOf(adapter, options);
  provideTuningCache(requested.device, new FileTuningCache());
  if (requested.adapter.software) provideWaitingHost(requested.device, new Naps());
  return requested;
}

/** What `navigator.gpu` is in a browser, for libraries that look for it there: the instance that devices come from. */
export function nodeGpu(): Promise<GPU> {
  instance ??= chooseInstance();
  return instance;
}

async function chooseInstance(): Promise<GPU> {
  Object.assign(globalThis, globals);
  if (process.platform !== "linux") return create(FLAGS);
  const chosenByUser = driverOfUser() !== undefined;
  const systemLoader = preload("libvulkan.so.1");
  const system = create(FLAGS);
  if (systemLoader && (chosenByUser || (await hasGpu(system)))) return system;
  const software = findSwiftShader();
  if (software === undefined) return system;
  if (!systemLoader) preload(software.loader);
  return chosenByUser ? create(FLAGS) : createWithDriver(software.driver);
}

/** Whether the instance offers an adapter that is no CPU. */
async function hasGpu(gpu: GPU): Promise<boolean> {
  const adapter = await gpu.requestAdapter(ADAPTER);
  return adapter !== null && !describeAdapter(adapter).software;
}

/** The Vulkan loader reads the variable when Dawn looks for adapters; child processes need not inherit it. */
async function createWithDriver(driver: string): Promise<GPU> {
  process.env.VK_ICD_FILENAMES = driver;
  try {
    const gpu = create(FLAGS);
    await gpu.requestAdapter(ADAPTER);
    return gpu;
  } finally {
    delete process.env.VK_ICD_FILENAMES;
  }
}

function driverOfUser(): string | undefined {
  return process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES;
}

function underDriver(): string {
  const driver = driverOfUser();
  return driver === undefined ? "" : ` (the environment asks for the Vulkan driver ${driver})`;
}

function advice(): string {
  // A worker's environment is a copy that the Vulkan loader does not see, unless it was made with SHARE_ENV.
  if (!isMainThread) return "ask for the device in the main thread, or give the worker the option `env: SHARE_ENV`";
  switch (process.platform) {
    case "linux":
      return (
        "install the GPU's driver with Vulkan (and the Vulkan loader, libvulkan1), or, to run in software on x64, " +
        "`npm install @sparticuz/chromium`"
      );
    case "darwin":
      return "Metal offers none; is this a virtual machine without a GPU?";
    default:
      return "install or update the GPU's driver (Direct3D 12 or Vulkan)";
  }
}
