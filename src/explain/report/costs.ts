/**
 * @file What a step costs as functions of the batch and the lengths: operations counted on the IR, bytes on the arrays that
 * each kernel reads and writes, and below them what no schedule can avoid.
 */

import { isHalf } from "../../codegen/halves.js";
import type { Schedule } from "../../codegen/schedule.js";
import { registry } from "../../ir/registry.js";
import type { Dim, Graph, Instr, Module, Value, ValueId } from "../../ir/types.js";
import { monomial, type Polynomial, sum, zero } from "./polynomial.js";

const WORD = 4;
const HALF = 2;

export interface Costs {
  /** Two a product's term, one an element of any other arithmetic, functions included. */
  readonly flops: Polynomial;
  /** Those of products alone: what any way to compute the step has to do. */
  readonly productFlops: Polynomial;
  /** Every array once for each kernel that reads or writes it; what a kernel reads again counts once. */
  readonly bytes: Polynomial;
  /** Parameters, inputs and targets read once; outputs, losses and gradients written once. */
  readonly leastBytes: Polynomial;
  /** Of the update that the runtime makes of a training step: the norm of the gradients, and AdamW, read and write eight words a parameter. */
  readonly updateBytes: Polynomial;
}

/** Of an array in memory that is none of the host's. */
export const bytesOf = (value: Value, { precision }: Pick<Module, "precision">): Polynomial =>
  monomial(value.type.shape, precision === "f16" && isHalf(value) ? HALF : WORD);

export function costsOf(module: Module, graph: Graph, { groups, reads, definitions }: Schedule): Costs {
  const values = new Map<ValueId, Value>([
    ...graph.args.map(({ value }) => [value.id, value] as const),
    ...[...definitions.values()].flatMap(({ results }) => results.map((result) => [result.id, result] as const)),
  ]);
  const results = new Set(graph.results.map(({ value }) => value.id));
  const hosts = new Set([...results, ...graph.args.map(({ value }) => value.id)]);
  const isRead = (id: ValueId) => reads.some((ids) => ids.has(id));
  const read = reads.flatMap((ids) => [...ids].flatMap((id) => values.get(id) ?? []));
  const written = groups.flatMap(({ roots }) => roots.filter(({ id }) => results.has(id) || isRead(id)));
  const training = graph.results.some(({ kind }) => kind === "grad");
  const trainable = module.parameters.filter(({ frozen }) => !frozen);
  return {
    flops: operations(graph.instrs, [], () => true),
    productFlops: operations(graph.instrs, [], ({ op }) => op === "contract"),
    bytes: sum([...read, ...written].map((value) => bytesOf(value, hosts.has(value.id) ? {} : module))),
    leastBytes: sum([...graph.args, ...graph.results].map(({ value }) => bytesOf(value, {}))),
    updateBytes: training ? sum(trainable.map(({ shape }) => monomial(shape, 8 * WORD))) : zero,
  };
}

/** @param steps the lengths of the loops around. */
function operations(instrs: readonly Instr[], steps: readonly Dim[], counts: (instr: Instr) => boolean): Polynomial {
  return sum(
    instrs.map((instr) => {
      if (instr.op === "scan") return operations(instr.attrs.body.instrs, [...steps, instr.attrs.length], counts);
      return counts(instr) ? within(ownOperations(instr), steps) : zero;
    }),
  );
}

function within(once: Polynomial, steps: readonly Dim[]): Polynomial {
  return sum([...once].map(([key, n]) => monomial([...(key === "" ? [] : key.split(" ")), ...steps], n)));
}

function ownOperations(instr: Exclude<Instr, Instr<"scan">>): Polynomial {
  const [result] = instr.results;
  if (instr.op === "contract") {
    const { lhs, rhs } = instr.attrs;
    const [a, b] = instr.args.map(({ type }) => type.shape);
    return monomial([...a, ...b.filter((_, axis) => !lhs.includes(rhs[axis]))], 2);
  }
  if (instr.op === "reduce") return monomial(instr.args[0].type.shape);
  const isArithmetic = registry[instr.op].lowering === "pointwise" && result.type.elem === "f32";
  const free = instr.op === "to_f32" || instr.op === "stop_gradient" || instr.op === "select";
  return isArithmetic && !free ? monomial(result.type.shape) : zero;
}
