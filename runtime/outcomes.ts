/**
 * @file What the host learns of steps, acted on at a fixed lag: never as soon as it arrives, though it may be known, so that the
 * same run is the same every time.
 */

import type { Manifest } from "./manifest.js";
import { FINE, LOSS, OVERFLOW, PARAMETERS } from "./update-kernels.js";

/** How an update went, as its kernel says. */
export interface Outcome {
  readonly step: number;
  /** By which the step's gradients were scaled up. */
  readonly lossScale: number;
  /** See `update-kernels.ts`. */
  readonly verdict: number;
}

/** What is wrong with a step: a number too large for f16 at its loss scale, or one that is not finite. */
export type Fault = "overflow" | "loss" | { readonly parameter: string };

/** While the loss can be scaled less, gradients that are not finite are too large for its scale. */
export function faultOf({ verdict, lossScale }: Outcome, { parameters }: Manifest): Fault | undefined {
  if (verdict === FINE) return undefined;
  if (verdict === LOSS) return "loss";
  if (verdict === OVERFLOW || lossScale > 1) return "overflow";
  return { parameter: parameters[verdict - PARAMETERS].name };
}

export class Outcomes {
  #pending: { readonly step: number; readonly outcome: Promise<Outcome | undefined> }[] = [];

  /**
   * @param lag steps after which an outcome is acted on.
   * @param act may throw: what is pending besides stays for the next time.
   */
  constructor(
    private readonly lag: number,
    private readonly act: (outcome: Outcome) => void,
  ) {}

  /** @param outcome absent where the device failed, which is told elsewhere. */
  add(step: number, outcome: Promise<Outcome | undefined>): void {
    this.#pending.push({ step, outcome });
  }

  /** Before a step: acts on what is due. */
  async settle(step: number): Promise<void> {
    while (this.#pending.length > 0 && this.#pending[0].step + this.lag <= step) {
      const [{ outcome }] = this.#pending.splice(0, 1);
      const known = await outcome;
      if (known !== undefined) this.act(known);
    }
  }

  /** What is not acted on yet, after waiting for it. */
  async pending(): Promise<readonly Outcome[]> {
    const known = await Promise.all(this.#pending.map(({ outcome }) => outcome));
    return known.flatMap((outcome) => outcome ?? []);
  }

  /** Forgets what is pending for what another run, or this one earlier, left to act on. */
  replace(outcomes: readonly Outcome[]): void {
    this.#pending = outcomes.map((outcome) => ({ step: outcome.step, outcome: Promise.resolve(outcome) }));
  }
}
