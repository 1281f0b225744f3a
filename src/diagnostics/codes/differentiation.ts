/** @file SEQ5xxx: what has no derivative. */

import type { Family } from "./entry.js";

export const differentiation = {
  SEQ5001: {
    title: "loss without a derivative",
    explanation:
      "The loss depends on no parameter that is learned, or only through `stop_gradient` or comparisons, so training " +
      "changes nothing.",
  },
  SEQ5002: {
    title: "parameter that gets no gradient",
    explanation:
      "The parameter reaches no loss, or only through `stop_gradient` or comparisons. If that is meant, mark it `frozen`.",
  },
} as const satisfies Family<5>;
