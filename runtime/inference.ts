/** @file Runs a program that changes nothing (evaluate, predict), keeping the layout of the last sizes. */

import type { Lengths } from "./arena.js";
import { CarriedStates, checkBatch, swapsToCarry } from "./carried-states.js";
import type { Destroyable, ModelCore, ProgramName } from "./core.js";
import { countElements } from "./core.js";
import type { Port } from "./manifest.js";
import { looksLong, Portions } from "./portions.js";
import { Execution } from "./program.js";
import type { Region, Values } from "./readback.js";
import { Readback } from "./readback.js";
import { tunedVariants } from "./tuner-choice.js";
import { Turns } from "./turns.js";

interface Layout {
  readonly execution: Execution;
  readonly portions: Portions;
  readonly readback: Readback;
  readonly regions: readonly Region[];
  readonly states: CarriedStates;
}

export class Inference implements Destroyable {
  #layout: Layout | undefined;
  /** Calls take turns up to their submit, so that none lays the arena out anew under another. */
  readonly #turns = new Turns();

  /**
   * @param resultsOf where the results lie.
   * @param carries whether a run goes on from the states of the one before, which was of the same sizes.
   */
  constructor(
    private readonly core: ModelCore,
    private readonly name: ProgramName,
    private readonly ports: readonly Port[],
    private readonly resultsOf: (execution: Execution) => readonly Region[],
    private readonly carries = false,
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
    return this.#turns.take(() => this.#submit(given, sizes, wanted));
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
    const slots = checkBatch(core, compiled.program, this.ports, given, sizes, this.carries);
    const { execution, portions, readback, regions, states } = await this.#layoutFor(sizes);
    core.check();
    const asked = regions.filter(({ name }) => wanted?.has(name) ?? true);
    const around = {
      before: () => {
        for (const [slot, values] of states.begin(slots)) execution.upload(slot, values);
      },
      behind: (encoder: GPUCommandEncoder) => readback.copy(encoder, execution.arena, asked),
      check: () => core.check(),
    };
    const { value: read, confirmed } = await portions.submit(compiled.title, around, states.parity);
    states.advance();
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
    const execution = await Execution.create(
      compiled,
      sizes,
      core.params,
      swapsToCarry(compiled, this.carries),
      chosen,
    );
    const regions = this.resultsOf(execution);
    this.destroy();
    this.#layout = {
      execution,
      portions: new Portions(execution, core.device, looksLong(execution.sizes, core.manifest.layout.total)),
      readback: new Readback(core.device, countElements(regions)),
      regions,
      states: new CarriedStates(core, execution, this.carries),
    };
    return this.#layout;
  }
}
