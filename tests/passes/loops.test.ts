import { describe, expect, it } from "vitest";
import type { Graph } from "../../src/ir/types.js";
import { verifyGraph } from "../../src/ir/verify.js";
import { accumulate } from "../../src/passes/accumulate.js";
import { autodiff } from "../../src/passes/autodiff.js";
import { cse } from "../../src/passes/cse.js";
import { dce } from "../../src/passes/dce.js";
import { eraseStopGradient } from "../../src/passes/erase-stop-gradient.js";
import { hoist } from "../../src/passes/hoist.js";
import { reassociate } from "../../src/passes/reassociate.js";
import { simplify } from "../../src/passes/simplify.js";
import { sink } from "../../src/passes/sink.js";
import { cells } from "./cells.js";
import { largestDifference } from "./support.js";

const passes: { readonly [name: string]: (graph: Graph) => Graph } = {
  dce,
  hoist,
  sink,
  reassociate,
  accumulate,
  simplify,
  cse,
  eraseStopGradient,
  "all together": (graph) => cse(accumulate(simplify(sink(hoist(reassociate(simplify(cse(graph)))))))),
  "sink after hoist": (graph) => sink(hoist(graph)),
};

describe.each(Object.keys(passes))("%s", (pass) => {
  it.each(Object.keys(cells))("leaves what is computed: %s", (name) => {
    const writer = cells[name]();
    for (const before of [writer.graph(), autodiff(writer.graph(), writer.parameters())]) {
      const after = passes[pass](before);
      verifyGraph(after, pass);
      expect(largestDifference(before, after, 11)).toBeLessThan(1e-12);
    }
  });
});
