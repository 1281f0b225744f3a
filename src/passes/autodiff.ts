/**
 * @file Symbolic reverse mode: from the forward graph to the training step. What it writes is ordinary IR, so every
 * later pass improves the derivative as it improves the forward map.
 */

import { Builder } from "../ir/builder.js";
import { definitions, idsBeyond } from "../ir/traverse.js";
import {
  type Graph,
  type Instr,
  LOSS_SCALE,
  type Parameter,
  type Result,
  type Value,
  type ValueId,
} from "../ir/types.js";
import { present } from "../support/assert.js";
import { loopPullback } from "./autodiff-scan.js";
import { uniformConstant } from "./constant.js";
import { dce } from "./dce.js";
import { Adjoints, markVarying, pullback } from "./reverse.js";

/**
 * The loss, the metrics, carried states and a gradient for each parameter that is not frozen (zeros where the loss does not depend on
 * it), in the order of the parameters.
 * @param scaled the derivative is taken of the loss times `LOSS_SCALE`, so that what lies on the way is not too small for f16
 *   (Micikevicius et al. 2018, Mixed Precision Training, section 3.2).
 */
export function autodiff(graph: Graph, parameters: readonly Parameter[], scaled = false): Graph {
  const trained = parameters
    .filter((p) => !p.frozen)
    .map(({ name }) => {
      const arg = graph.args.find((a) => a.kind === "param" && a.name === name);
      return present(arg, "autodiff", `the argument of parameter ${name}`);
    });
  const b = new Builder(idsBeyond(graph));
  const seed = scaled ? b.unary("to_f32", b.op("length", { name: LOSS_SCALE }, [])) : b.constant(1);
  const { instrs, derivatives } = differentiate(
    b,
    graph,
    seed,
    trained.map(({ value }) => value),
  );
  const gradients = trained.map(({ name }, i): Result => ({ kind: "grad", name, value: derivatives[i] }));
  return dce({
    args: graph.args,
    instrs: [...instrs, ...b.instrs],
    results: [...graph.results.filter((r) => r.kind !== "output"), ...gradients],
  });
}

/**
 * The derivative of a graph's loss, times `seed`.
 * @param b where it is computed, from the ids beyond the graph on.
 * @returns the graph's instructions, whose loops now give what their derivatives read; and the derivative with respect to
 *   each of `by`, zeros where the loss does not depend on it.
 */
export function differentiate(
  b: Builder,
  graph: Graph,
  seed: Value,
  by: readonly Value[],
): { readonly instrs: readonly Instr[]; readonly derivatives: readonly Value[] } {
  const loss = present(
    graph.results.find((r) => r.kind === "loss"),
    "autodiff",
    "the loss",
  );
  const varying = new Set<ValueId>(by.map(({ id }) => id));
  markVarying(graph.instrs, varying);
  const adjoints = new Adjoints();
  adjoints.add(b, loss.value, seed);
  const defined = definitions(graph.instrs);
  const isZero = (value: Value) => uniformConstant(value, (id) => defined.get(id)) === 0;
  const replaced = new Map<Instr, Instr>();
  pullback(b, graph.instrs, varying, adjoints, (builder, instr) => {
    replaced.set(instr, loopPullback(builder, instr, varying, adjoints, isZero));
  });

  const derivatives = by.map((value) => {
    const adjoint = varying.has(loss.value.id) ? adjoints.get(value) : undefined;
    return adjoint ?? b.fill(0, value.type.shape);
  });
  return { instrs: graph.instrs.map((instr) => replaced.get(instr) ?? instr), derivatives };
}
