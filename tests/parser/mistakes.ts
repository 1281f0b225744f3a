/** @file A text for each diagnostic of the parser. */

import type { syntax } from "../../src/diagnostics/codes/syntax.js";

/** One text for each code, in which it is the only mistake. */
export const mistakes: Record<keyof typeof syntax, string> = {
  SEQ1001: "cell A(H) {\n  input x [H]\n}",
  SEQ1002: "cell A(H) {\n  y = x ^ 2\n}",
  SEQ1003: "cell A(H) { output y }\n/* the rest is",
  SEQ1004: 'import { A } from "./a.seq\ncell B(H) { output y }',
  SEQ1005: "cell A(H) {\n  y = tanh(x + b\n  z = y\n}",
  SEQ1006: "cell A(H) {\n  y = x\n\nlayer B(H) {\n  y = x\n}",
  SEQ1007: "y = x\nlayer B(H) {\n  y = x\n}",
  SEQ1008: "cell A(H) {\n  3 = y\n}",
  SEQ1009: "cell A(H) {\n  y = (1 + ) * x\n}",
  SEQ1010: "cell A(H) {\n  y = 0 < x < 1\n}",
  SEQ1011: `cell A(H) {\n  y = ${"(".repeat(100)}x${")".repeat(100)}\n}`,
  SEQ1012: "cell A(H) {\n  y = f(x) else 0\n}",
  SEQ1013: "cell A(H) {\n  y = (a + b)[t]\n}",
  SEQ1014: "model A(H) {\n  y = block.0(x)\n}",
  SEQ1015: "cell A(H) {\n  state target: [H]\n}",
  SEQ1016: "cell A(H) {\n  output y[d]\n}",
  SEQ1017: "cell A(H) {\n  y = x\n  /// nothing\n  /// follows\n}",
  SEQ1018: "cell A(H) {\n  use b = B(act = elu, 3)\n}",
  SEQ1019: "cell A(H) {\n  param W: [4H, H]\n}",
  SEQ1020: "model A(H) {\n  y = net(x) from end\n}",
  SEQ1021: "cell A(H) {\n  h[d]' = x[d]\n}",
};
