/**
 * @file All rewrites together, to a fixed point. Every rule keeps the values up to rounding; `x · 0` does so for finite
 * x only.
 */

import type { Graph } from "../ir/types.js";
import { rewrite } from "./rewriter.js";
import { arithmetic } from "./rules-arithmetic.js";
import { simplifyLoop } from "./rules-loops.js";
import { sums } from "./rules-sums.js";
import { views } from "./rules-views.js";

export const rules = [...arithmetic, ...views, ...sums];

export function simplify(graph: Graph): Graph {
  return rewrite(graph, rules, simplifyLoop);
}
