/** @file The interpreter on whole graphs: a recurrent cell with matrix products, forward and reverse. */

import { describe, expect, test } from "vitest";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { InternalError } from "../../src/support/assert.js";
import { H, I, recurrentGraph } from "./models.js";
import { distance, floats, generator, LENGTHS } from "./random.js";

const { _B: B, T } = LENGTHS;

function inputs(seed: number) {
  const random = generator(seed);
  return {
    W: floats(random, [H, H]),
    U: floats(random, [H, I]),
    x: floats(random, [B, T, I]),
    k: floats(random, [T]),
    h0: floats(random, [B, H]),
    c0: floats(random, [B, H]),
  };
}

/** The same recurrence as plain loops. */
function loops({ W, U, x, k, h0, c0 }: ReturnType<typeof inputs>, reverse: boolean) {
  const [h, c] = [[...h0.data], [...c0.data]];
  const ys = new Array<number>(B * T * H);
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < T; i++) {
      const t = reverse ? T - 1 - i : i;
      const next: number[] = [];
      for (let n = 0; n < H; n++) {
        let sum = k.data[t] * c[b * H + n];
        for (let m = 0; m < H; m++) sum += W.data[n * H + m] * h[b * H + m];
        for (let m = 0; m < I; m++) sum += U.data[n * I + m] * x.data[(b * T + t) * I + m];
        next.push(Math.tanh(sum));
      }
      next.forEach((value, n) => {
        h[b * H + n] = value;
        c[b * H + n] += value;
        ys[(b * T + t) * H + n] = value;
      });
    }
  }
  return { h, c, ys };
}

describe.each([false, true])("a scan with reverse %s", (reverse) => {
  test("equals the loops: last states and stacked outputs in forward order", () => {
    const args = inputs(7);
    const got = evaluateGraph(recurrentGraph(reverse), args, LENGTHS);
    const expected = loops(args, reverse);
    expect(Object.keys(got)).toEqual(["output:h", "output:c", "output:ys"]);
    expect(got["output:ys"].shape).toEqual([B, T, H]);
    expect(distance(got["output:h"].data, expected.h)).toBeLessThan(1e-12);
    expect(distance(got["output:c"].data, expected.c)).toBeLessThan(1e-12);
    expect(distance(got["output:ys"].data, expected.ys)).toBeLessThan(1e-12);
  });
});

test("an argument that is missing or of another shape is refused", () => {
  const { k, ...rest } = inputs(8);
  const graph = recurrentGraph(false);
  expect(() => evaluateGraph(graph, rest, LENGTHS)).toThrow(/argument k/);
  expect(() => evaluateGraph(graph, { ...rest, k }, { ...LENGTHS, T: T + 1 })).toThrow(InternalError);
  expect(() => evaluateGraph(graph, { ...rest, k }, { _B: B })).toThrow(/length T/);
});
