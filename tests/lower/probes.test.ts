/** @file Which values a module names when it is compiled to be probed, and what is said of names that there are not. */

import { describe, expect, test } from "vitest";
import { UnknownProbe } from "../../src/lower/probes.js";
import { compileText } from "../support/compiled.js";

const TEXT = `
layer Gate(D) {
  input x: [D]
  param W: [D, D] ~ normal
  const unit[i, j]: [D, D] = where(i == j, 1, 0)
  inner = (W + unit) @ x
  output y = sigmoid(inner)
}
cell Gated(D) {
  input x: [D]
  context g: [D]
  state h: [D]
  const half[i]: [D] = 0.5
  use gate = Gate(D)
  a = gate(x + h)
  bias = g * half
  h' = a * h + bias
  output h'
}
model M(D = 3) {
  input x: [T, D], g: [D]
  target y: [T, D]
  use cells[2] = Gated(D)
  hs = chain scan cells(x, g)
  output hs
  loss mse(hs, y)
}`;

function namesOf(probe: boolean | readonly string[]) {
  return compileText(TEXT, {}, "f32", { probe }).manifest.probes?.map(({ name }) => name);
}

describe("names", () => {
  test("of cells and of the model by default; states by the name of their next value", () => {
    const own = ["bias", "a", "h"];
    expect(namesOf(true)).toEqual([...[0, 1].flatMap((i) => own.map((name) => `cells.${i}.${name}`)), "hs"]);
  });

  test("of layers and consts as well, where they are asked for", () => {
    expect(namesOf(["cells.1.gate.inner", "cells.0.half"])).toEqual(["cells.0.half", "cells.1.gate.inner"]);
    expect(namesOf(["cells.*.inner"])).toEqual(["cells.0.gate.inner", "cells.1.gate.inner"]);
    expect(namesOf(["*h"])).toEqual(["cells.0.h", "cells.1.h"]);
  });

  test("none where none is asked for, and profiles all the same", () => {
    const { manifest } = compileText(TEXT, {}, "f32", { probe: [] });
    expect([manifest.probes, manifest.profiles?.map(({ name }) => name)]).toEqual([[], ["cells.0.h", "cells.1.h"]]);
  });

  test("that nothing has are refused, with those near or with all there are", () => {
    expect(() => namesOf(["hs", "cells.0.bais"])).toThrow(
      new UnknownProbe("no model names a value `cells.0.bais` to probe: did you mean `cells.0.bias`?"),
    );
    // A dot stands for itself, and a pattern has to match the whole name.
    for (const name of ["cells.0xh", "cells", "*.W", ""]) expect(() => namesOf([name]), name).toThrow(UnknownProbe);
    expect(() => namesOf(["something.else"])).toThrow(/there are `cells.0.half`, .*`hs`/);
  });
});

describe("a module", () => {
  test("that is not to be probed has no trace of it; the programs of one that is are the same", () => {
    const [plain, again, probed] = [undefined, false, true].map((probe) => {
      return compileText(TEXT, {}, "f32", probe === undefined ? {} : { probe });
    });
    expect(again.typescript).toBe(plain.typescript);
    expect(plain.typescript).not.toMatch(/probe|profile/);
    const { probe, profile, ...programs } = probed.manifest.programs;
    expect(Object.keys(probe?.outputs ?? {})).toHaveLength(7);
    expect(Object.keys(profile?.outputs ?? {})).toEqual(["cells.0.h", "cells.1.h"]);
    expect(probed.manifest.kernels).toMatchObject(plain.manifest.kernels);
    const { probes: _probes, profiles: _profiles, kernels: _kernels, ...rest } = probed.manifest;
    expect({ ...rest, programs }).toEqual({ ...plain.manifest, kernels: undefined });
  });

  test("names in its type what it gives", () => {
    const { typescript } = compileText(TEXT, {}, "f32", { probe: ["cells.0.a", "hs"] });
    const given = 'Pick<MInputs, "g">, "cells.0.a" | "hs">';
    expect(typescript).toContain(`export type M = Model<MInputs, MTargets, MOutputs, number, ${given};`);
  });
});
