/**
 * @file Symbolic reverse mode: from the forward graph to the training step. What it writes is ordinary IR, so every
 * later pass improves the derivative as it improves the forward map.
 */

import { Builder } from "../ir/builder.js";
import { definitions, idsBeyond } from "../ir/traverse.js";
import { type Graph, type Instr, LOSS_SCALE, type Parameter, type Result, type ValueId } from "../ir/types.js";
import { present } from "../support/assert.js";
import { loopPullback } from "./autodiff-scan.js";
import { uniformConstant } from "./constant.js";
import { dce } from "./dce.js";
import { Adjoints, markVarying, pullback } from "./reverse.js";

/**
 * The loss, the metrics and a gradient for each parameter that is not frozen (zeros where the loss does not depend on
 * it), in the order of the parameters.
 * @param scaled the derivative is taken of the loss times `LOSS_SCALE`, so that what lies on the way is not too small for f16
 *   (Micikevicius et al. 2018, Mixed Precision Training, section 3.2).
 */
export function autodiff(graph: Graph, parameters: readonly Parameter[], scaled = false): Graph {
  const loss = present(
    graph.results.find((r) => r.kind === "loss"),
    "autodiff",
    "the loss",
  );
  const trained = parameters
    .filter((p) => !p.frozen)
    .map(({ name }) => {
      const arg = graph.args.find((a) => a.kind === "param" && a.name === name);
      return present(arg, "autodiff", `the argument of parameter ${name}`);
    });
  const varying = new Set<ValueId>(trained.map((arg) => arg.value.id));
  markVarying(graph.instrs, varying);

  const b = new Builder(idsBeyond(graph));
  const adjoints = new Adjoints();
  const seed = scaled ? b.unary("to_f32", b.op("length", { name: LOSS_SCALE }, [])) : b.constant(1);
  adjoints.add(b, loss.value, seed);
  const defined = definitions(graph.instrs);
  const isZero = (value: (typeof loss)["value"]) => uniformConstant(value, (id) => defined.get(id)) === 0;
  const replaced = new Map<Instr, Instr>();
  pullback(b, graph.instrs, varying, adjoints, (builder, instr) => {
    replaced.set(instr, loopPullback(builder, instr, varying, adjoints, isZero));
  });

  const gradients = trained.map(({ name, value }): Result => {
    const adjoint = varying.has(loss.value.id) ? adjoints.get(value) : undefined;
    return { kind: "grad", name, value: adjoint ?? b.fill(0, value.type.shape) };
  });
  return dce({
    args: graph.args,
    instrs: [...graph.instrs.map((instr) => replaced.get(instr) ?? instr), ...b.instrs],
    results: [...graph.results.filter((r) => r.kind === "loss" || r.kind === "metric"), ...gradients],
  });
}
