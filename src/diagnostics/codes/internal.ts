/** @file SEQ9xxx: the compiler's own faults and gaps. */

import type { Family } from "./entry.js";

export const internal = {
  SEQ9001: {
    title: "fault of the compiler",
    explanation:
      "An invariant of the compiler is broken. This is never the text's fault; please report it with the text.",
  },
  SEQ9002: {
    title: "construct not compiled yet",
    explanation: "The construct belongs to the language, but this version of the compiler does not compile it.",
  },
} as const satisfies Family<9>;
