/**
 * @file How the body of a loop is laid out over the threads of a workgroup that owns a few rows of the batch.
 *
 * A thread owns an element of a state and computes all that its next value is made of. What other threads must read (a
 * state under a matrix product, a value under a sum) is shared: written to workgroup memory, read in a later phase,
 * a barrier between them. A state that only its own thread reads stays in a register.
 */

import { sameShape } from "../ir/shape.js";
import { definitions as definitionsIn } from "../ir/traverse.js";
import { BATCH, type Dim, type Instr, type Value, type ValueId } from "../ir/types.js";
import { type Expr, variable } from "./kernel-ir.js";
import { isPointwise } from "./scalar-ops.js";
import { accumulation, type Index, isAccumulating, keyOfIndex } from "./scalarize.js";
import { ownIndex, sameIndex, walk } from "./walk.js";

/** A part of a value that threads compute element by element: the whole, or one part of a concat. */
export interface Piece {
  readonly target: Value;
  readonly value: Value;
  /** Where the batch stands in it; −1 where it is the same for every example, so that one workgroup writes it. */
  readonly batchAxis: number;
  /** Axes of the piece within a row. */
  readonly shape: readonly Dim[];
  /** Where the piece starts in the target, an axis of the row each. */
  readonly start: readonly number[];
}

export interface ScanPlan {
  /** Pieces of each phase; a barrier stands behind each. */
  readonly phases: readonly (readonly Piece[])[];
  /** States in workgroup memory, with two copies: the present and the next. */
  readonly sharedStates: ReadonlySet<ValueId>;
  /** Other values in workgroup memory, with the phase that computes them. */
  readonly shared: ReadonlyMap<ValueId, number>;
  readonly workgroupSize: number;
  /** Elements of the widest state that a thread has. */
  readonly own: number;
  /** Sums a step for each element of the widest array. */
  readonly sums: number;
  /** Rows of the batch that a workgroup may have, the default first. */
  readonly rows: readonly number[];
}

/** A body that no kernel of this shape can run. */
export class UnsupportedBody extends Error {
  override readonly name = "UnsupportedBody";
}

const MAX_WORKGROUP = 256;
/** Rows of the batch a workgroup: more share what a workgroup reads, fewer make more workgroups. */
const ROWS = [8, 4, 1];
/** Elements of an array that a thread may have, all rows together. */
const MOST_OWN = 8;
/** A thread's elements of an array are unrolled up to here; beyond, they are looped over and none is in a register. */
const MAX_UNROLLED = 4;
/** What a run-time length counts as where work is weighed. */
const NOMINAL_LENGTH = 1024;
/** What every WebGPU implementation has, in f32 elements. */
export const WORKGROUP_MEMORY = 16384 / 4;

const batchAxisOf = (value: Value): number => value.type.shape.indexOf(BATCH);

/** The axes of a step value besides the batch. */
export function rowShape(value: Value): readonly Dim[] {
  return value.type.shape.filter((dim) => dim !== BATCH);
}

/** The index of a step value's element, given those of its row and of its place in the row. */
export function elementIndex(batchAxis: number, row: Expr, own: Index): Index {
  return batchAxis < 0 ? own : [...own.slice(0, batchAxis), row, ...own.slice(batchAxis)];
}

/** Elements of a shape without run-time lengths; undefined with them. */
export function staticSize(shape: readonly Dim[]): number | undefined {
  return shape.reduce((n: number | undefined, d) => (n === undefined || typeof d === "string" ? undefined : n * d), 1);
}

const nominalSize = (shape: readonly Dim[]) =>
  shape.reduce((n: number, d) => n * (typeof d === "number" ? d : NOMINAL_LENGTH), 1);

/** Whether each thread handles its few elements of such an array by straight code. */
export function isUnrolled(shape: readonly Dim[], workgroupSize: number): boolean {
  return (staticSize(shape) ?? Number.POSITIVE_INFINITY) <= workgroupSize * MAX_UNROLLED;
}

/** Takes concats apart, so that each part is computed by the threads that own its elements. */
function pieces(target: Value, definitions: ReadonlyMap<ValueId, Instr>): readonly Piece[] {
  const batchAxis = batchAxisOf(target);
  const split = (value: Value, start: readonly number[]): readonly Piece[] => {
    const instr = definitions.get(value.id);
    if (instr?.op !== "concat") return [{ target, value, batchAxis, shape: rowShape(value), start }];
    const axis = instr.attrs.axis - (batchAxis >= 0 && batchAxis < instr.attrs.axis ? 1 : 0);
    let offset = 0;
    return instr.args.flatMap((part) => {
      const found = split(
        part,
        start.map((s, i) => (i === axis ? s + offset : s)),
      );
      offset += Number(rowShape(part)[axis]);
      return found;
    });
  };
  return split(
    target,
    rowShape(target).map(() => 0),
  );
}

/** @param own elements of a state that a thread has, where that many threads would be left. */
export function planScan(instr: Instr<"scan">, own = 1): ScanPlan {
  const { body, states } = instr.attrs;
  const definitions = definitionsIn(body.instrs);
  const stateParams = body.params.slice(0, states);
  const nexts = body.results.slice(0, states);
  const wanted = [...new Map(body.results.map((v) => [v.id, v])).values()];

  const shared = new Map<ValueId, Value>(sharedOperands(body.instrs, definitions).map((v) => [v.id, v]));
  for (let grew = true; grew; ) {
    const found = recomputed([...wanted, ...shared.values()], definitions, shared);
    for (const value of found) shared.set(value.id, value);
    grew = found.length > 0;
  }

  const roots = [...new Map([...shared.values(), ...wanted].map((v) => [v.id, v])).values()];
  const all = roots.flatMap((root) => pieces(root, definitions));
  const reading = new Map(all.map((piece) => [piece, readsOf(piece, definitions, shared)]));

  const levels = new Map<ValueId, number>();
  const levelOf = (piece: Piece): number => {
    let level = 0;
    for (const { value, own } of reading.get(piece) ?? []) {
      if (!shared.has(value.id)) continue;
      const whole = all.filter((p) => p.target.id === value.id);
      const together = own && whole.length === 1 && sameShape(whole[0].shape, piece.shape);
      level = Math.max(level, levelOfShared(value) + (together ? 0 : 1));
    }
    return level;
  };
  const levelOfShared = (value: Value): number => {
    const known = levels.get(value.id);
    if (known !== undefined) return known;
    const level = Math.max(0, ...all.filter((p) => p.target.id === value.id).map(levelOf));
    levels.set(value.id, level);
    return level;
  };
  const phases: Piece[][] = [];
  for (const piece of all) {
    // A shared value is whole before the next phase, whichever of its pieces comes last.
    const level = shared.has(piece.target.id) ? levelOfShared(piece.target) : levelOf(piece);
    for (let p = phases.length; p <= level; p++) phases.push([]);
    phases[level].push(piece);
  }

  const widest = Math.max(1, ...all.map((p) => nominalSize(p.shape)));
  const workgroupSize = Math.ceil(Math.min(MAX_WORKGROUP, Math.ceil(widest / 32) * 32) / own);
  const sharedStates = new Set<ValueId>();
  stateParams.forEach((state, i) => {
    const whole = all.filter((p) => p.target.id === nexts[i].id);
    const alone =
      isUnrolled(rowShape(state), workgroupSize) &&
      whole.length === 1 &&
      all.every((piece) =>
        (reading.get(piece) ?? []).every(
          (r) => r.value.id !== state.id || (r.own && sameShape(piece.shape, rowShape(state))),
        ),
      );
    if (!alone) sharedStates.add(state.id);
  });

  const held = [...shared.values(), ...stateParams.filter((v) => sharedStates.has(v.id)).flatMap((v) => [v, v])];
  const memory = held.reduce((n, v) => n + (staticSize(rowShape(v)) ?? Number.POSITIVE_INFINITY), 0);
  const perThread = Math.ceil(widest / workgroupSize);
  // Where a thread has several elements memory of the workgroup is no nearer than buffers: what does not fit goes there.
  const fits = (n: number) => n === 1 || own > 1 || n * memory <= WORKGROUP_MEMORY;
  const fitting = ROWS.filter((n) => fits(n) && n * perThread <= MOST_OWN * own);
  const usual = fitting.find((n) => n * perThread <= MAX_UNROLLED * own) ?? 1;
  const rows = [usual, ...fitting.filter((n) => n !== usual)];
  return {
    phases,
    sharedStates,
    shared: new Map([...shared.values()].map((v) => [v.id, levelOfShared(v)])),
    workgroupSize,
    own: perThread,
    sums: body.instrs.reduce(
      (n, i) => (isAccumulating(i) ? n + Math.ceil(nominalSize(rowShape(i.results[0])) / widest) : n),
      0,
    ),
    rows,
  };
}

/** What a piece's own element reads: states and shared values, and whether only at that same element. */
function readsOf(
  piece: Piece,
  definitions: ReadonlyMap<ValueId, Instr>,
  shared: ReadonlyMap<ValueId, Value>,
): readonly { readonly value: Value; readonly own: boolean }[] {
  const row = variable("row", "u32", 0);
  const own = elementIndex(piece.batchAxis, row, ownIndex(piece.shape));
  const found: { value: Value; own: boolean }[] = [];
  walk({ value: piece.value, index: own }, definitions, {
    stored: (value) => shared.has(value.id),
    reached: ({ value, index }, reduced) => found.push({ value, own: !reduced && sameIndex(index, own) }),
  });
  return found;
}

/** Whether an operand may be computed anew for every term of a sum: memory, views of it, a trifle of arithmetic. */
function isLight(value: Value, definitions: ReadonlyMap<ValueId, Instr>, budget = 2): boolean {
  const instr = definitions.get(value.id);
  if (!instr) return true;
  if (instr.args.length === 0) return true;
  const view = instr.op === "broadcast" || instr.op === "slice" || instr.op === "shift" || instr.op === "to_f32";
  const trifle = isPointwise(instr.op) && ["add", "sub", "mul", "neg", "eq", "select"].includes(instr.op);
  if (!view && !(trifle && budget > 0)) return false;
  return instr.args.every((arg) => isLight(arg, definitions, view ? budget : budget - 1));
}

/** Values that accumulations read and that are too dear to compute for every term. */
function sharedOperands(instrs: readonly Instr[], definitions: ReadonlyMap<ValueId, Instr>): readonly Value[] {
  const found: Value[] = [];
  const take = (value: Value): void => {
    if (isLight(value, definitions)) return;
    const instr = definitions.get(value.id);
    // Behind a view stands the array itself.
    if (instr?.op === "broadcast" || instr?.op === "slice") take(instr.args[0]);
    else if (value.type.shape[0] === BATCH) found.push(value);
  };
  for (const instr of instrs) {
    if (!isAccumulating(instr)) continue;
    if (accumulation(instr).dims.includes(BATCH)) throw new UnsupportedBody("a sum over the batch within a step");
    for (const arg of instr.args) take(arg);
  }
  return found;
}

/** Accumulations that the threads would compute more often than once an element. */
function recomputed(
  roots: readonly Value[],
  definitions: ReadonlyMap<ValueId, Instr>,
  shared: ReadonlyMap<ValueId, Value>,
): readonly Value[] {
  const computed = new Map<Value, { times: number; spaces: Set<string>; seen: Set<string> }>();
  for (const root of roots) {
    for (const piece of pieces(root, definitions)) {
      const space = piece.shape.join("×");
      const index = elementIndex(piece.batchAxis, variable("row", "u32", 0), ownIndex(piece.shape));
      walk({ value: piece.value, index }, definitions, {
        stored: (value) => shared.has(value.id),
        reached: () => undefined,
        accumulated: (instr, at) => {
          const [value] = instr.results;
          if (value.id === root.id) return;
          const entry = computed.get(value) ?? { times: 0, spaces: new Set<string>(), seen: new Set<string>() };
          computed.set(value, entry);
          entry.spaces.add(space);
          const key = `${space}:${keyOfIndex(at)}`;
          if (!entry.seen.has(key)) entry.times += nominalSize(piece.shape);
          entry.seen.add(key);
        },
      });
    }
  }
  return [...computed]
    .filter(([value, { times, spaces }]) => {
      if (shared.has(value.id)) return false;
      if (value.type.shape[0] !== BATCH) return false;
      const also = roots.some((root) => root.id === value.id);
      return also
        ? spaces.size > 0 && !spaces.has(rowShape(value).join("×"))
        : spaces.size > 1 || times > nominalSize(rowShape(value));
    })
    .map(([value]) => value);
}
