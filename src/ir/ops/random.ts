/**
 * @file Random numbers as a pure function of a counter: every pass may move or repeat them like arithmetic, and a mask
 * is drawn again in the derivative instead of being kept.
 */

import { threefry } from "../../../runtime/random.js";
import type { OpRule } from "../rule.js";
import { extents } from "../shape.js";
import { SEED, STEP } from "../types.js";
import { expectArity, expectType, stacked } from "./shared.js";

const random: OpRule<"random"> = {
  lowering: "pointwise",
  type(_, args) {
    expectArity("random", args, 1);
    expectType(args[0].elem === "i32", "random", args, "wants counters");
    return [{ elem: "f32", shape: args[0].shape }];
  },
  evaluate({ attrs: { stream } }, [{ shape, data }], { lengths }) {
    const [seed, step] = extents([SEED, STEP], lengths);
    // As many bits as an f32 holds exactly.
    return [{ shape, data: data.map((counter) => (threefry([seed, stream], [step, counter])[0] >>> 8) / 2 ** 24) }];
  },
  vjp: () => [undefined],
  lift(b, { attrs, args: [counter], results: [out] }, [wide], length) {
    return [b.op("random", attrs, [stacked(b, wide, counter.type, length)], out.hint)];
  },
};

export const randoms = { random };
