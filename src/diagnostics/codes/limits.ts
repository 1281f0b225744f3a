/** @file SEQ6xxx: what WebGPU cannot hold or do. */

import type { Family } from "./entry.js";

export const limits = {
  SEQ6001: {
    title: "buffer too large",
    explanation:
      "One array is larger than the binding that the device grants. Lower the batch, the length or the size.",
  },
  SEQ6002: {
    title: "workgroup memory exceeded",
    explanation: "A kernel of the scan needs more workgroup memory than the device has, even unfused.",
  },
  SEQ6003: {
    title: "too many bindings",
    explanation: "A kernel binds more buffers than the device grants to one stage.",
  },
  SEQ6004: {
    title: "too many axes",
    explanation: "An array has more axes than the generated kernels can address.",
  },
} as const satisfies Family<6>;
