/** @file SEQ5xxx: what has no derivative. */

import type { Family } from "./entry.js";

export const differentiation = {
  SEQ5001: {
    title: "loss without a derivative",
    explanation: "The loss reaches no parameter through differentiable operations, so there is nothing to train.",
  },
  SEQ5002: {
    title: "parameter that gets no gradient",
    explanation:
      "The parameter reaches no loss, or only through `stop_gradient` or comparisons. If that is meant, mark it `frozen`.",
  },
  SEQ5003: {
    title: "function without a derivative rule",
    explanation: "The function has no derivative; put `stop_gradient` around it where none is meant to flow.",
  },
  SEQ5004: {
    title: "model without a loss",
    explanation: "The training step was asked for, but the model states no `loss`.",
  },
} as const satisfies Family<5>;
