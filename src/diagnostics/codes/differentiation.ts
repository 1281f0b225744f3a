/** @file SEQ5xxx: what has no derivative, or not the one asked for. */

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
  SEQ5003: {
    title: "states that cannot be carried",
    explanation:
      "With `stateful`, or `seqc compile --stateful`, each batch of a training run has the next steps of its examples, and " +
      "what a step reads of the steps before is carried from batch to batch. Nothing a step reads may come after it, and " +
      "what it reads of the past must not grow with the number of steps, as attention over all of them does.",
  },
} as const satisfies Family<5>;
