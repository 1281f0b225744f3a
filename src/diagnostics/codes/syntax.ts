/** @file SEQ1xxx: the text is not what the grammar allows. */

import type { Family } from "./entry.js";

export const syntax = {
  SEQ1001: {
    title: "unexpected token",
    explanation:
      "Something else has to stand here for the statement to be complete. The message names what was expected and " +
      "what was found. Newlines mean nothing, so the cause is sometimes at the end of the line before.",
  },
  SEQ1002: {
    title: "unknown character",
    explanation:
      "The character has no meaning in the language. Names are ASCII letters, digits and `_`, starting with a letter; " +
      "the prime of a next state is the straight `'`; statements end without `;`.",
  },
  SEQ1003: {
    title: "comment never closed",
    explanation: "A comment that starts with `/*` runs to the next `*/`. Here the file ends first.",
  },
  SEQ1004: {
    title: "string never closed",
    explanation: 'A string is the file of an import, `"./lstm.seq"`; it opens and closes on one line.',
  },
  SEQ1005: {
    title: "bracket without a partner",
    explanation: "Every `(` and `[` is closed by its own `)` and `]` inside the same statement.",
  },
  SEQ1006: {
    title: "block not opened or not closed",
    explanation:
      "The statements of a cell, layer or model stand between `{` and `}`. Where the `}` is missing, the block is " +
      "taken to end before the next declaration.",
  },
  SEQ1007: {
    title: "declaration expected",
    explanation:
      "A file is a list of imports and declarations: `cell`, `layer`, `model` and `fn`. Statements such as `param` or " +
      "`y = ...` stand inside the braces of one of them.",
  },
  SEQ1008: {
    title: "statement expected",
    explanation:
      "A statement starts with one of the words `input context state param const use length output target loss metric`, " +
      "or with the names that it defines: `y = ...`, `i, f = ...`, `h' = ...`, `y[d] = ...`.",
  },
  SEQ1009: {
    title: "expression expected",
    explanation:
      "A number, a name, a call, an index, a reduction, a scan or something in parentheses has to stand here. The usual " +
      "cause is an operator or a comma without its right-hand side.",
  },
  SEQ1010: {
    title: "comparisons do not chain",
    explanation:
      "`a < b < c` would compare a truth value with a number. Compare twice and take the product: " +
      "`where(a < b, where(b < c, x, y), y)`.",
  },
  SEQ1011: {
    title: "nested too deeply",
    explanation:
      "An expression may nest only so far, so that no later stage runs out of stack. Give a part of it a name.",
  },
  SEQ1012: {
    title: "`else` without an index",
    explanation:
      "`else` gives the value of an element outside its axis and so follows an index directly: `x[t - 1] else 0`. It " +
      "takes one operand; a longer one stands in parentheses. To choose between two values, use `where(c, a, b)`.",
  },
  SEQ1013: {
    title: "only a name can be indexed",
    explanation:
      "An index follows a name, a primed name or a path: `x[t]`, `h'[d]`, `rnn.W[i, j]`. Give the expression a name in " +
      "a statement of its own, and index that.",
  },
  SEQ1014: {
    title: "only a name can be applied",
    explanation:
      "What is called is the name of a function, a layer or a cell instance. One instance out of several cannot be " +
      "called on its own; `chain block(x)` runs them all.",
  },
  SEQ1015: {
    title: "reserved word used as a name",
    explanation:
      "The words that start statements, and those that join parts of expressions, cannot name a value, a size or a " +
      "declaration. After a dot every word is allowed.",
  },
  SEQ1016: {
    title: "output written in a way it cannot be",
    explanation:
      "An output lists values that have names, `output a, b'`, or defines one on the spot, `output y[d] = ...`. " +
      "Several names with one value, or indices without a value, are neither.",
  },
  SEQ1017: {
    title: "doc comment that documents nothing",
    explanation:
      "`///` belongs to the declaration or statement that follows. Here none follows, so the text would reach nobody; " +
      "use `//` for a remark.",
  },
  SEQ1018: {
    title: "argument by position after one by name",
    explanation: "Arguments by position come first, then those by name: `Block(64, act = elu)`.",
  },
  SEQ1019: {
    title: "number written in a way it cannot be",
    explanation:
      "Numbers are `3`, `0.5` and `1e-5`: a digit on both sides of the point. A product has its `*`: `4 * H`. A number " +
      "beyond the range of a double is refused as well.",
  },
  SEQ1020: {
    title: "misplaced word of a clause",
    explanation:
      "`from` follows a scan and says where its states start, `where` as a clause follows a loss, `reverse` follows " +
      "`scan`, and `chain` comes before `scan`.",
  },
  SEQ1021: {
    title: "misplaced prime",
    explanation:
      "A prime follows the name of a state and marks its next value: `h'`. Paths, calls, declared names and indices " +
      "have none; an index comes after the prime, `h'[d]`.",
  },
} as const satisfies Family<1>;
