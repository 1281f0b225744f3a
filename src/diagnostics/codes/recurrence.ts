/** @file SEQ4xxx: states, primes and scans. */

import type { Family } from "./entry.js";

export const recurrence = {
  SEQ4001: {
    title: "state without a next value",
    explanation: "Each state is given its next value exactly once: `h' = ...`.",
  },
  SEQ4002: {
    title: "prime on what is no state",
    explanation: "A prime marks the next value of a state of this cell. Other values are written without.",
  },
  SEQ4003: {
    title: "assignment to a state without a prime",
    explanation: "Bare `h` is the state before the step; the step defines the next one, `h' = ...`.",
  },
  SEQ4004: {
    title: "values that need each other",
    explanation:
      "Each of these values needs the next one within the same step, in a circle. Through time a circle is fine: read " +
      "the state before the step, without its prime.",
  },
  SEQ4005: {
    title: "state given two next values",
    explanation: "`h'` is assigned once in a cell. Join the two cases with `where`.",
  },
  SEQ4006: {
    title: "cell applied without scan",
    explanation: "A cell is one time step and is run over a sequence: `scan rnn(xs)`. A layer is applied directly.",
  },
  SEQ4007: {
    title: "scan of what is no cell",
    explanation: "`scan` runs an instance of a cell. A layer maps over leading axes by itself: `head(xs)`.",
  },
  SEQ4008: {
    title: "chain of what is a single instance",
    explanation: "`chain` runs the instances of `use block[L] = ...` one after another.",
  },
  SEQ4009: {
    title: "several instances applied without chain",
    explanation: "`use block[L] = ...` makes L instances. `chain block(x)` feeds each one's output to the next.",
  },
  SEQ4010: {
    title: "start that lacks a state",
    explanation:
      "`from end` takes every state of the cell from the record, by name and of equal shape. `from { h: e }` sets some " +
      "and leaves the others at their declared start.",
  },
  SEQ4011: {
    title: "start of a state that is none",
    explanation: "The record after `from` sets states of the cell; it has none of this name.",
  },
  SEQ4012: {
    title: "cell stepped inside a cell",
    explanation:
      "A cell is not run or used inside another cell. Stack scans one after another, or write the two updates in one " +
      "cell. A layer that scans along a size may stand in a cell: that scan runs within each step, from its start to its end.",
  },
  SEQ4013: {
    title: "start of a state that depends on the step",
    explanation: "A state's declared start is fixed before the first step: numbers, parameters and constants.",
  },
  SEQ4014: {
    title: "cell without a state",
    explanation: "A cell without a state computes every step on its own. Make it a `layer`.",
  },
} as const satisfies Family<4>;
