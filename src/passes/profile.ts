/**
 * @file How much of the loss's derivative reaches each state at each step: ‖∂L/∂h_t‖, the total derivative with respect to
 * the value after step t, through the output at t and all later steps. The lowering adds perturbations, of zero, to every next
 * value; the derivative with respect to them is that of the states, and they themselves then go.
 */

import { Builder } from "../ir/builder.js";
import { idsBeyond, substituteReads } from "../ir/traverse.js";
import type { Graph, Result, Value, ValueId } from "../ir/types.js";
import { differentiate } from "./autodiff.js";
import { dce } from "./dce.js";

/** Of a graph with perturbed states: for each, the norm over channels, an element a step of an example. */
export function profile(graph: Graph): Graph {
  const b = new Builder(idsBeyond(graph));
  const perturbed = graph.args.filter(({ kind }) => kind === "perturbation");
  const values = perturbed.map(({ value }) => value);
  const { instrs, derivatives } = differentiate(b, graph, b.constant(1), values);
  const results = perturbed.map(({ name }, i): Result => ({ kind: "probe", name, value: norms(b, derivatives[i]) }));

  const first = new Builder(b.ids);
  const zeros = new Map<ValueId, Value>(values.map(({ id, type }) => [id, first.fill(0, type.shape)]));
  const computed = [...instrs, ...b.instrs].map((instr) => substituteReads(instr, zeros));
  const args = graph.args.filter((arg) => !perturbed.includes(arg));
  return dce({ args, instrs: [...first.instrs, ...computed], results });
}

/** Over all axes but the first two, batch and steps. */
function norms(b: Builder, derivative: Value): Value {
  const axes = derivative.type.shape.map((_, axis) => axis).slice(2);
  return b.unary("sqrt", b.reduce("sum", b.binary("mul", derivative, derivative), axes));
}
