/** @file The errors of the runtime that callers tell apart: it is the machine, or the numbers, and not the program. */

/** The device is missing, lost, out of memory or too small for what was asked; the message says what to do. */
export class DeviceError extends Error {
  override readonly name: string = "DeviceError";
}

/** The device was destroyed, or its driver, browser or machine took it away: nothing can be read from it any more. */
export class DeviceLostError extends DeviceError {
  override readonly name = "DeviceLostError";
}

/** A training step whose loss or gradients are not finite. Nothing was updated by it. */
export class NonFiniteError extends Error {
  override readonly name = "NonFiniteError";

  /**
   * @param step from 1.
   * @param where the first parameter, in the order of the manifest, whose gradient is not finite or too large for f32 to hold its
   * square; `loss` where the loss itself is not finite.
   */
  constructor(
    readonly step: number,
    readonly where: "loss" | { readonly parameter: string },
  ) {
    const what = where === "loss" ? "the loss" : `the gradient of ${where.parameter}`;
    super(
      `step ${step}: ${what} is not finite, and nothing was updated: lower the learning rate, clip the gradients ` +
        "(`clipNorm`), or choose what to do about it (`onNonFinite`)",
    );
  }
}
