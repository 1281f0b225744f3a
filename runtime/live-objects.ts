/** @file Every buffer is made here, and counted until it is destroyed: what a page leaks, it can see. */

/** The number of buffers and their bytes. */
export interface LiveObjects {
  readonly buffers: number;
  readonly bytes: number;
}

const alive = new WeakMap<GPUDevice, Set<GPUBuffer>>();

/** What the innermost `creations` under way has made so far. */
let recorded: GPUBuffer[] | undefined;

/** The buffers that models, trainers and streams hold on a device. Garbage collection has no part in them. */
export function liveObjects(device: GPUDevice): LiveObjects {
  const buffers = [...buffersOf(device)];
  return { buffers: buffers.length, bytes: buffers.reduce((sum, { size }) => sum + size, 0) };
}

/** As `device.createBuffer`. The buffer counts itself off as it is destroyed, so that no owner can forget to. */
export function createBuffer(device: GPUDevice, descriptor: GPUBufferDescriptor): GPUBuffer {
  const buffer = device.createBuffer(descriptor);
  const buffers = buffersOf(device);
  const destroy = buffer.destroy.bind(buffer);
  buffer.destroy = () => {
    buffers.delete(buffer);
    return destroy();
  };
  buffers.add(buffer);
  recorded?.push(buffer);
  return buffer;
}

/** Runs `body`, which is synchronous, and tells which buffers it made; if it throws, none of them is left. */
export function creations<T>(body: () => T): { readonly value: T; readonly made: readonly GPUBuffer[] } {
  const outer = recorded;
  const made: GPUBuffer[] = [];
  recorded = made;
  try {
    return { value: body(), made };
  } catch (error) {
    for (const buffer of made) buffer.destroy();
    throw error;
  } finally {
    recorded = outer;
    outer?.push(...made);
  }
}

function buffersOf(device: GPUDevice): Set<GPUBuffer> {
  const known = alive.get(device) ?? new Set();
  alive.set(device, known);
  return known;
}
