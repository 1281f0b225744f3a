/** @file Runs a program that changes nothing (evaluate, predict), keeping the layout of the last sizes. */

import type { Lengths } from "./arena.js";
import type { Destroyable, ModelCore, ProgramName } from "./core.js";
import { checkedSlots, countElements } from "./core.js";
import type { Port } from "./manifest.js";
import { Portions } from "./portions.js";
import { Execution } from "./program.js";
import type { Region, Values } from "./readback.js";
import { Readback } from "./readback.js";
import { tunedVariants } from "./tuner-choice.js";

interface Layout {
  readonly execution: Execution;
  readonly portions: Portions;
  readonly readback: Readback;
  readonly regions: readonly Region[];
}

export class Inference implements Destroyable {
  #layout: Layout | undefined;
  /** Calls take turns up to their submit, so that none lays the arena out anew under another. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @param resultsOf where the results lie. */
  constructor(
    private readonly core: ModelCore,
    private readonly name: ProgramName,
    private readonly ports: readonly Port[],
    private readonly resultsOf: (execution: Execution) => readonly Region[],
  ) {}

  /** @param wanted of the results; by default all. */
  async run(given: object, sizes: Lengths, wanted?: ReadonlySet<string>): Promise<Values> {
    return (await this.submit(given, sizes, wanted)).finished;
  }

  /** As `run`, but resolves once it is submitted. */
  async submit(
    given: object,
    sizes: Lengths,
    wanted?: ReadonlySet<string>,
  ): Promise<{ readonly finished: Promise<Values> }> {
    this.core.check();
    const submitted = this.#turn.then(() => this.#submit(given, sizes, wanted));
    this.#turn = submitted.catch(() => {});
    return submitted;
  }

  destroy(): void {
    this.#layout?.execution.destroy();
    this.#layout?.readback.destroy();
    this.#layout = undefined;
  }

  async #submit(
    given: object,
    sizes: Lengths,
    wanted: ReadonlySet<string> | undefined,
  ): Promise<{ readonly finished: Promise<Values> }> {
    const { core } = this;
    const compiled = core.compile(this.name);
    const slots = checkedSlots(compiled.program, this.ports, given, sizes, core.manifest.ragged);
    const { execution, portions, readback, regions } = await this.#layoutFor(sizes);
    core.check();
    const asked = regions.filter(({ name }) => wanted?.has(name) ?? true);
    const { value: read, confirmed } = await portions.submit(compiled.title, {
      before: () => {
        for (const [slot, values] of slots) execution.upload(slot, values);
      },
      behind: (encoder) => readback.copy(encoder, execution.arena, asked),
      check: () => core.check(),
    });
    const finished = Promise.all([read(), confirmed]).then(([values]) => values);
    finished.catch(() => {});
    return { finished };
  }

  async #layoutFor(sizes: Lengths): Promise<Layout> {
    const known = this.#layout;
    if (known !== undefined && Object.entries(sizes).every(([name, size]) => known.execution.sizes[name] === size)) {
      return known;
    }
    const { core } = this;
    const compiled = core.compile(this.name);
    const chosen = await tunedVariants(core, this.name, sizes);
    const execution = await Execution.create(compiled, sizes, core.params, [], chosen);
    const regions = this.resultsOf(execution);
    this.destroy();
    this.#layout = {
      execution,
      portions: new Portions(execution, core.device),
      readback: new Readback(core.device, countElements(regions)),
      regions,
    };
    return this.#layout;
  }
}
