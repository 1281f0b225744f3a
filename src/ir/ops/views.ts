/** @file Views: the same elements at other places (broadcast, slice, concat, shift). */

import type { Builder } from "../builder.js";
import { ndarray, strides } from "../ndarray.js";
import type { OpRule } from "../rule.js";
import { axisInStack, extents, sameShape, stack, stackAxis } from "../shape.js";
import { copyStrided } from "../strided.js";
import type { Dim, Op, Type, Value } from "../types.js";
import { expectArity, expectAxis, expectType, stacked } from "./shared.js";

const broadcast: OpRule<"broadcast"> = {
  lowering: "view",
  type({ shape, axes }, args) {
    expectArity("broadcast", args, 1);
    const [a] = args;
    const fits = axes.every((axis, i) => shape[axis] !== undefined && shape[axis] === a.shape[i]);
    const message = `axes ${axes.join(", ")} do not fit [${shape.join(", ")}]`;
    expectType(
      axes.length === a.shape.length && new Set(axes).size === axes.length && fits,
      "broadcast",
      args,
      message,
    );
    return [{ elem: a.elem, shape }];
  },
  evaluate({ attrs }, [a], { lengths }) {
    const out = ndarray(extents(attrs.shape, lengths));
    const from = new Array<number>(out.shape.length).fill(0);
    strides(a.shape).forEach((stride, i) => {
      from[attrs.axes[i]] = stride;
    });
    const to = { offset: 0, strides: strides(out.shape) };
    copyStrided(out.shape, out.data, to, a.data, { offset: 0, strides: from });
    return [out];
  },
  vjp(b, { attrs, args: [a] }, [g]) {
    if (g === undefined || a.type.elem !== "f32") return [undefined];
    const repeated = attrs.shape.map((_, axis) => axis).filter((axis) => !attrs.axes.includes(axis));
    const kept = attrs.axes.toSorted((x, y) => x - y);
    const back = kept.map((axis) => attrs.axes.indexOf(axis));
    return [b.broadcast(b.reduce("sum", g, repeated), a.type.shape, back)];
  },
  lift(b, { attrs, args: [a], results: [out] }, [wide], length) {
    const axes = attrs.axes.map((axis) => axisInStack(out.type, axis));
    axes.splice(stackAxis(a.type), 0, stackAxis(out.type));
    return [b.broadcast(wide.value, stack(out.type, length).shape, axes, out.hint)];
  },
};

/** The extent of an axis that must be known at compile time. */
function fixedExtent(op: Op, args: readonly Type[], axis: number, of: Type): number {
  const dim = of.shape[axis];
  expectType(typeof dim === "number", op, args, `the extent of axis ${axis} must be known at compile time`);
  return dim;
}

function withExtent(type: Type, axis: number, extent: Dim): Type {
  return { elem: type.elem, shape: type.shape.with(axis, extent) };
}

/** Zeros of g's shape but with `extent` along `axis`; nothing where that is empty. */
function padding(b: Builder, g: Value, axis: number, extent: number): readonly Value[] {
  return extent === 0 ? [] : [b.fill(0, g.type.shape.with(axis, extent))];
}

const slice: OpRule<"slice"> = {
  lowering: "view",
  type({ axis, start, size }, args) {
    expectArity("slice", args, 1);
    expectAxis("slice", args, axis);
    const extent = fixedExtent("slice", args, axis, args[0]);
    const inside = Number.isInteger(start) && Number.isInteger(size) && start >= 0 && size >= 1;
    expectType(inside && start + size <= extent, "slice", args, `${start}…+${size} lies outside axis ${axis}`);
    return [withExtent(args[0], axis, size)];
  },
  evaluate({ attrs: { axis, start, size } }, [a]) {
    const out = ndarray(a.shape.with(axis, size));
    const from = strides(a.shape);
    const to = { offset: 0, strides: strides(out.shape) };
    copyStrided(out.shape, out.data, to, a.data, { offset: start * from[axis], strides: from });
    return [out];
  },
  vjp(b, { attrs: { axis, start, size }, args: [a] }, [g]) {
    if (g === undefined) return [undefined];
    const extent = fixedExtent("slice", [a.type], axis, a.type);
    const parts = [...padding(b, g, axis, start), g, ...padding(b, g, axis, extent - start - size)];
    return [b.concat(parts, axis)];
  },
  lift(b, { attrs, args: [a], results: [out] }, [wide]) {
    return [b.slice(wide.value, axisInStack(a.type, attrs.axis), attrs.start, attrs.size, out.hint)];
  },
};

const concat: OpRule<"concat"> = {
  lowering: "view",
  type({ axis }, args) {
    expectType(args.length > 0, "concat", args, "wants at least one argument");
    expectAxis("concat", args, axis);
    const [first] = args;
    const agree = args.every(
      (a) => a.elem === first.elem && sameShape(a.shape.toSpliced(axis, 1), first.shape.toSpliced(axis, 1)),
    );
    expectType(agree, "concat", args, `the arguments differ beside axis ${axis}`);
    const extent = args.reduce((sum, a) => sum + fixedExtent("concat", args, axis, a), 0);
    return [withExtent(first, axis, extent)];
  },
  evaluate({ attrs: { axis } }, args) {
    const extent = args.reduce((sum, a) => sum + a.shape[axis], 0);
    const out = ndarray(args[0].shape.with(axis, extent));
    const to = strides(out.shape);
    let start = 0;
    for (const a of args) {
      const target = { offset: start * to[axis], strides: to };
      copyStrided(a.shape, out.data, target, a.data, { offset: 0, strides: strides(a.shape) });
      start += a.shape[axis];
    }
    return [out];
  },
  vjp(b, { attrs: { axis }, args }, [g]) {
    if (g === undefined) return args.map(() => undefined);
    let start = 0;
    return args.map(({ type }) => {
      const size = fixedExtent("concat", [type], axis, type);
      start += size;
      return b.slice(g, axis, start - size, size);
    });
  },
  lift(b, { attrs, args, results: [out] }, lifted, length) {
    const wide = lifted.map((arg, i) => stacked(b, arg, args[i].type, length));
    return [b.concat(wide, axisInStack(out.type, attrs.axis), out.hint)];
  },
};

const shift: OpRule<"shift"> = {
  lowering: "view",
  type({ axis, offset }, args) {
    expectArity("shift", args, 1);
    expectAxis("shift", args, axis);
    expectType(Number.isInteger(offset), "shift", args, `the offset ${offset} is not whole`);
    return [args[0]];
  },
  evaluate({ attrs: { axis, offset, fill } }, [a]) {
    const out = ndarray(a.shape);
    out.data.fill(fill);
    const kept = a.shape.with(axis, Math.max(0, a.shape[axis] - Math.abs(offset)));
    const steps = strides(a.shape);
    const to = { offset: Math.max(0, offset) * steps[axis], strides: steps };
    const from = { offset: Math.max(0, -offset) * steps[axis], strides: steps };
    if (kept[axis] > 0) copyStrided(kept, out.data, to, a.data, from);
    return [out];
  },
  vjp(b, { attrs: { axis, offset } }, [g]) {
    return [g && b.op("shift", { axis, offset: -offset, fill: 0 }, [g])];
  },
  lift(b, { attrs, args: [a], results: [out] }, [wide]) {
    return [b.op("shift", { ...attrs, axis: axisInStack(a.type, attrs.axis) }, [wide.value], out.hint)];
  },
};

export const views = { broadcast, slice, concat, shift };
