/**
 * @file Tells the host what a device is awaited for: where it has to ask for the answers again and again, it may then
 * ask at a pace of its own. In Node.js: `naps-node.ts`.
 */

export interface WaitingHost {
  /** One more answer is awaited. */
  begin(): void;
  /** An answer is there. */
  end(): void;
}

const hosts = new WeakMap<GPUDevice, WaitingHost>();

/** For the module that makes the device and knows its host. */
export function provideWaitingHost(device: GPUDevice, host: WaitingHost): void {
  hosts.set(device, host);
}

/** The device's answer, which its host knows to be awaited. */
export async function awaited<T>(device: GPUDevice, answer: Promise<T>): Promise<T> {
  const host = hosts.get(device);
  host?.begin();
  try {
    return await answer;
  } finally {
    host?.end();
  }
}
