/** @file Dispatches whose form was met before are those that would have been written out. */

import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { nodeHost } from "../../src/cli/host.js";
import { KernelStore } from "../../src/codegen/kernel-store.js";
import { compile } from "../../src/compile.js";
import { compiles } from "../fuzz/properties.js";
import { specs } from "../fuzz/spec.js";
import { compileText } from "../support/compiled.js";

afterEach(() => vi.restoreAllMocks());

const { dispatch } = KernelStore.prototype;

/** What `made` gives, with forms and without, and how often kernels were written out. */
function both<T>(made: () => T): readonly { readonly result: T; readonly written: number }[] {
  return [true, false].map((withForms) => {
    let written = 0;
    vi.spyOn(KernelStore.prototype, "dispatch").mockImplementation(function (this: KernelStore, make, scratch, form) {
      const counted: typeof make = (noted) => {
        written++;
        return make(noted);
      };
      return dispatch.call(this, counted, scratch, withForms ? form : undefined);
    });
    return { result: made(), written };
  });
}

test.each(["hybrid-lm", "bidirectional-tagger", "seq2seq-attention"])("the manifest of %s", (name) => {
  const files = [`specs/models/${name}.seq`];
  const [short, long] = both(() => compile({ files, host: nodeHost() }).models.map(({ manifest }) => manifest));
  expect(short.result).toEqual(long.result);
  expect(short.written).toBeLessThan(long.written);
});

test("loops that differ in a number, in direction, in where they start or in what is read of them are told apart", () => {
  const text = `
  cell Leaky(D, keep) {
    input x: [D]
    state h: [D]
    param w: [D] ~ ones
    h' = keep * h + w * x
    output h'
  }
  model M(D = 8) {
    input x: [T, D]
    target y: [T, D]
    use slow = Leaky(D, 0.9), fast = Leaky(D, 0.5), back = Leaky(D, 0.5), other = Leaky(D, 0.5), last = Leaky(D, 0.5)
    a = scan slow(x)
    b, end = scan fast(x)
    c = scan reverse back(x)
    d = scan other(x) from end
    e, rest = scan last(x)
    v[t, i] = a[t, i] + b[t, i] + c[t, i] + d[t, i] + e[t, i] + rest.h[i]
    output v
    loss mse(v, y)
  }`;
  const [short, long] = both(() => compileText(text).manifest);
  expect(short.result).toEqual(long.result);
  expect(new Set(long.result.programs.predict.dispatches.map(({ kernel }) => kernel)).size).toBeGreaterThan(4);
});

// The first has a loop that gives on what was summed before it.
test.each([3006, 1, 2, 3, 4, 5])("random specs: seed %i", (seed) => {
  const [spec] = fc.sample(specs, { seed, numRuns: 1 });
  const [short, long] = both(() => compiles(spec)?.manifest);
  expect(short.result).toEqual(long.result);
});
