/**
 * @file Looks into a model: the values that its spec names, and how much of the loss's derivative reaches each state at each
 * step. Both are programs of their own, in modules compiled for it, and read the parameters as they are.
 */

import type { Lengths } from "./arena.js";
import type { ModelCore } from "./core.js";
import { Inference } from "./inference.js";
import { BATCH, type NamedValue, type Port } from "./manifest.js";
import type { Execution } from "./program.js";
import type { Region } from "./readback.js";
import { countOf } from "./shapes.js";

/** An array over all steps, row-major. */
export interface ProbedValue {
  /** What each axis is, a length by its name, the batch as `"batch"`: `["batch", "T", 64]`. */
  readonly axes: readonly (number | string)[];
  readonly shape: readonly number[];
  /** Ids and truth values as numbers. */
  readonly data: Float32Array;
}

export class Inspection {
  readonly #values: Inference;
  readonly #profiles: Inference;

  constructor(private readonly core: ModelCore) {
    const { inputs, targets, probes = [], profiles = [] } = core.manifest;
    const regionsOf = (values: readonly NamedValue[]) => (execution: Execution) => regions(execution, values);
    this.#values = core.own(new Inference(core, "probe", [...inputs, ...this.#targets()], regionsOf(probes)));
    this.#profiles = core.own(new Inference(core, "profile", [...inputs, ...targets], regionsOf(profiles)));
  }

  /** @throws as `Model.probe` has it. */
  async values(names: readonly string[], given: object, sizes: Lengths): Promise<Record<string, ProbedValue>> {
    const { name: model, targets, probes } = this.core.manifest;
    if (probes === undefined) throw this.#notCompiled("probe");
    const wanted = names.map((name) => {
      const value = probes.find((probe) => probe.name === name);
      if (value !== undefined) return value;
      const known = probes.map((probe) => `\`${probe.name}\``).join(", ");
      throw new RangeError(`${model} was compiled to give no value \`${name}\`: it gives ${known || "none"}`);
    });
    // A batch for training may be given as it is: what nothing reads of it is left out.
    const read = this.#targets();
    const idle = targets.filter((target) => !read.includes(target)).map(({ name }) => name);
    const inputs = Object.fromEntries(Object.entries(given).filter(([name]) => !idle.includes(name)));
    const values = await this.#values.run(inputs, sizes, new Set(names));
    return Object.fromEntries(
      wanted.map(({ name, shape: axes }): [string, ProbedValue] => {
        const shape = extents(axes, sizes);
        return [name, { axes: axes.map((axis) => (axis === BATCH ? "batch" : axis)), shape, data: values.get(name)! }];
      }),
    );
  }

  /** @throws as `Model.gradientProfile` has it. */
  async profiles(given: object, sizes: Lengths, perExample: boolean): Promise<Record<string, Float32Array>> {
    const { name, programs, probes } = this.core.manifest;
    if (probes === undefined) throw this.#notCompiled("gradientProfile");
    if (programs.profile === undefined) {
      throw new Error(`${name} has no profile of gradients: its spec states no loss, or scans no cell`);
    }
    const norms = await this.#profiles.run(given, sizes);
    const profile = (each: Float32Array) => (perExample ? each : overBatch(each, sizes[BATCH]));
    return Object.fromEntries([...norms].map(([state, each]) => [state, profile(each)]));
  }

  /** Those on which named values depend. */
  #targets(): readonly Port[] {
    const { targets, programs } = this.core.manifest;
    return targets.filter(({ name }) => Object.hasOwn(programs.probe?.inputs ?? {}, name));
  }

  #notCompiled(method: string): Error {
    const { name } = this.core.manifest;
    return new Error(
      `${name} was not compiled for \`${method}\`: compile it with \`seqc compile --probe\`, or with the option \`probe\``,
    );
  }
}

/** The norm of all examples together, from [batch, T]: ‖·‖² adds up. */
function overBatch(norms: Float32Array, batch: number): Float32Array {
  const steps = norms.length / batch;
  return Float32Array.from({ length: steps }, (_, t) => {
    return Math.hypot(...Array.from({ length: batch }, (_, example) => norms[example * steps + t]));
  });
}

function regions(execution: Execution, values: readonly NamedValue[]): readonly Region[] {
  const slots = execution.compiled.program.outputs;
  return values.map(({ name, shape }) => ({
    name,
    offset: execution.offsetOf(slots[name]),
    length: countOf(extents(shape, execution.sizes)),
  }));
}

function extents(axes: NamedValue["shape"], sizes: Lengths): readonly number[] {
  return axes.map((axis) => (typeof axis === "number" ? axis : sizes[axis]));
}
