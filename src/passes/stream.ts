/**
 * @file The streaming form of a model: prediction, some steps at a time. States of loops over the streamed length become
 * arguments and results, shifts into the past become loops that carry what they still need. What looks ahead, or at all
 * steps together, is the reason why a model has no such form.
 */

import type { Builder } from "../ir/builder.js";
import { unstack } from "../ir/shape.js";
import { idsBeyond, rebuild } from "../ir/traverse.js";
import {
  type Arg,
  BATCH,
  type Graph,
  type Instr,
  type Module,
  type Port,
  type Result,
  type Value,
} from "../ir/types.js";
import { closeLoop, type LoopState, openLoop } from "./loop.js";
import { streamObstacle } from "./stream-obstacle.js";

/** Adds `graphs.stream` and `states`, or `streamRefusal`, to a module that has `graphs.predict`. */
export function stream(module: Module): Module {
  const { predict } = module.graphs;
  if (predict === undefined) return module;
  const length = streamedLength(module, predict);
  if (length === undefined) return { ...module, streamRefusal: "no length" };
  const graph = carryShifts(predict, length);
  const obstacle = streamObstacle(graph, length);
  if (obstacle !== undefined) return { ...module, streamRefusal: obstacle };
  const { graph: streaming, states } = keepStates(graph, length);
  return { ...module, states, graphs: { ...module.graphs, stream: streaming } };
}

/** The first length of an output; of the loops where no output has one; else of the inputs. */
function streamedLength({ lengths }: Module, predict: Graph): string | undefined {
  const dims = predict.results.flatMap((r) => r.value.type.shape);
  const loops = predict.instrs.flatMap((instr) => (instr.op === "scan" ? [instr.attrs.length] : []));
  return lengths.find((l) => dims.includes(l)) ?? lengths.find((l) => loops.includes(l)) ?? lengths[0];
}

/** Every shift into the past along the axis of steps as a loop whose states are the last few steps. */
function carryShifts(graph: Graph, length: string): Graph {
  return rebuild(graph, (b, instr, renamed) => {
    if (instr.op === "shift" && isCarried(instr, length)) renamed.set(instr.results[0].id, delay(b, instr, length));
    else b.instrs.push(instr);
  });
}

/** More steps than this are a buffer, not states. */
const MOST_CARRIED = 64;

function isCarried({ attrs, args: [x] }: Instr<"shift">, length: string): boolean {
  const leading = x.type.shape[0] === BATCH ? 1 : 0;
  const along = attrs.axis === leading && x.type.shape[leading] === length;
  return along && x.type.elem === "f32" && attrs.offset > 0 && attrs.offset <= MOST_CARRIED;
}

function delay(b: Builder, { attrs, args: [x], results: [out] }: Instr<"shift">, length: string): Value {
  const initial = Array.from({ length: attrs.offset }, () => b.fill(attrs.fill, unstack(x.type, length).shape));
  const hints = initial.map((_, i) => out.hint && `${out.hint}_${i + 1}`);
  const body = (_: Builder, states: readonly Value[], [now]: readonly Value[]) => ({
    next: [now, ...states.slice(0, -1)],
    outputs: [states[states.length - 1]],
  });
  return b.scan({ length, reverse: false }, initial, [x], body, hints).stacked[0];
}

function keepStates(graph: Graph, length: string): { readonly graph: Graph; readonly states: readonly Port[] } {
  const args: Arg[] = [...graph.args];
  const results: Result[] = [...graph.results];
  const ids = idsBeyond(graph);
  const names = new Set<string>();
  let loops = 0;
  const instrs = graph.instrs.map((instr) => {
    if (instr.op !== "scan" || instr.attrs.length !== length) return instr;
    const loop = openLoop(instr);
    const index = loops++;
    const states = loop.states.map((state, i) => {
      const name = stateName(state, index, i, names);
      const value: Value = { id: ids.next(), type: state.initial.type, hint: name };
      args.push({ kind: "state", name, value });
      results.push({ kind: "state", name, value: state.last });
      return { ...state, initial: value };
    });
    return closeLoop({ ...loop, states });
  });
  const kept = args.filter((arg) => arg.kind === "state");
  const states = kept.map(
    ({ name, value: { type } }): Port => ({
      name,
      elem: type.elem,
      shape: type.shape[0] === BATCH ? type.shape.slice(1) : type.shape,
    }),
  );
  return { graph: { args, instrs, results }, states };
}

/** The state's dotted path if lowering gave one, else by position. */
function stateName({ previous, last }: LoopState, loop: number, state: number, taken: Set<string>): string {
  const hint = last.hint ?? previous.hint ?? String(state);
  const base = hint.includes(".") ? hint : `${loop}.${hint}`;
  let name = base;
  for (let n = 2; taken.has(name); n++) name = `${base}_${n}`;
  taken.add(name);
  return name;
}
