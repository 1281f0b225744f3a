/** @file What the values of a loop's body are outside of the loop, where hoisting and sinking put instructions. */

import type { Builder } from "../ir/builder.js";
import { stacked } from "../ir/ops/shared.js";
import { lift } from "../ir/registry.js";
import type { Lifted } from "../ir/rule.js";
import { copyInstr } from "../ir/traverse.js";
import type { Instr, Value, ValueId } from "../ir/types.js";
import { present } from "../support/assert.js";
import type { Loop } from "./loop.js";

export class Outside {
  readonly #lifted = new Map<ValueId, Lifted>();
  /** Everything that is defined in the body; the rest is captured and the same outside. */
  readonly #inBody: ReadonlySet<ValueId>;

  /** @param b where instructions outside go. */
  constructor(
    readonly b: Builder,
    readonly loop: Loop,
  ) {
    this.#inBody = new Set([
      ...loop.states.map((s) => s.previous.id),
      ...loop.sequences.map((s) => s.step.id),
      ...loop.instrs.flatMap((instr) => instr.results.map((r) => r.id)),
    ]);
    for (const { all, step } of loop.sequences) this.set(step, { value: all, stacked: true });
  }

  set(value: Value, lifted: Lifted): void {
    this.#lifted.set(value.id, lifted);
  }

  get(value: Value): Lifted | undefined {
    return this.#inBody.has(value.id) ? this.#lifted.get(value.id) : { value, stacked: false };
  }

  /** Does an instruction of the body outside, for all steps at once if it varies over them. False where it cannot. */
  move(instr: Instr): boolean {
    if (instr.op === "scan") return false;
    const args = instr.args.flatMap((arg) => this.get(arg) ?? []);
    if (args.length < instr.args.length) return false;
    if (args.some((arg) => arg.stacked)) {
      const results = lift(this.b, instr, args, this.loop.length);
      results?.forEach((value, i) => {
        this.set(instr.results[i], { value, stacked: true });
      });
      return results !== undefined;
    }
    const names = new Map(instr.args.map((arg, i) => [arg.id, args[i].value]));
    copyInstr(this.b, instr, names);
    for (const result of instr.results) {
      this.set(result, { value: present(names.get(result.id), "outside", "the copy"), stacked: false });
    }
    return true;
  }

  /** All steps of a value that is known outside; what is the same at every step is repeated. */
  all(value: Value): Value {
    const lifted = present(this.get(value), "outside", `%${value.id}`);
    return stacked(this.b, lifted, value.type, this.loop.length);
  }
}
