/** @file The one error class of the runtime that callers tell apart: it is the machine, not the program. */

/** The device is missing, lost, out of memory or too small for what was asked; the message says what to do. */
export class DeviceError extends Error {
  override readonly name = "DeviceError";
}
