/** @file What configures a training run: plain data with defaults, checked before anything is made. */

import type { Manifest } from "./manifest.js";
import { checkOptimizer, type Optimizer, type OptimizerOptions } from "./optimizer.js";
import { checkBoolean, checkFields, checkNumber, checkOneOf, checkWhole } from "./options.js";
import { checkParameters, matches, type ParametersOptions } from "./parameter-settings.js";
import { checkSeed } from "./random.js";
import type { TrainingState } from "./training-state.js";

/**
 * What happens when a step's loss or gradients are not finite. The step itself never updates anything; what the host does about
 * it comes `stepsInFlight` steps later, so that a run repeats bit for bit.
 *
 * - `error`: the step's promises reject with a `NonFiniteError`, and so does a later call of `trainStep`.
 * - `skip`: the step's `skipped` is true, and training goes on.
 * - `rollback`: as `skip`, and parameters and optimizer go back to how they were at the last good snapshot, which are taken on the
 *   device every so many good steps (default 100). Before the first one it is an error.
 */
export type NonFinitePolicy =
  | "error"
  | "skip"
  | "rollback"
  | { readonly policy: "error" | "skip" }
  | { readonly policy: "rollback"; readonly every?: number };

/** What configures training. It is plain data, so that a file may hold it. */
export interface TrainingOptions {
  /** Default AdamW. */
  readonly optimizer?: OptimizerOptions;
  /**
   * Gradients are scaled down to this Euclidean norm over all parameters, as `torch.nn.utils.clip_grad_norm_`; 0, the default, leaves
   * them alone.
   */
  readonly clipNorm?: number;
  /**
   * Every element of the gradients is brought into ±clipValue, before the norm is taken; 0, the default, leaves them alone.
   */
  readonly clipValue?: number;
  /** So many steps make one update, by the mean of their gradients; default 1. */
  readonly accumulate?: number;
  /** What differs for some parameters. */
  readonly parameters?: ParametersOptions;
  /** Default `error`. */
  readonly onNonFinite?: NonFinitePolicy;
  /** How many steps may be on their way before `trainStep` waits; default 4. */
  readonly stepsInFlight?: number;
  /**
   * Whether a batch has the next steps of the examples that the batch before had: then states go on from it, though no gradient
   * goes back into it (truncated backpropagation through time), but for examples whose flag in `reset` is set. For modules
   * compiled with `stateful`; default false: every example of every batch begins anew.
   */
  readonly stateful?: boolean;
  /** What dropout draws from, a whole number from 0 to 2³²−1; default 0. */
  readonly seed?: number;
}

export interface TrainingSettings extends Required<Omit<TrainingOptions, "optimizer" | "onNonFinite">> {
  readonly optimizer: Optimizer;
  readonly onNonFinite: { readonly policy: "error" | "skip" | "rollback"; readonly every: number };
}

/** @throws TypeError or RangeError naming the option. */
export function checkTraining(manifest: Manifest, options: TrainingOptions): TrainingSettings {
  const { optimizer, clipNorm = 0, clipValue = 0, accumulate = 1, parameters = {}, onNonFinite = "error" } = options;
  const { stepsInFlight = 4, seed = 0, stateful = false } = options;
  const policy = typeof onNonFinite === "string" ? { policy: onNonFinite } : onNonFinite;
  const chosen = checkOptimizer(optimizer);
  for (const pattern of chosen.type === "muon" ? chosen.adamw.parameters : []) {
    if (manifest.parameters.some(({ name }) => matches(pattern, name))) continue;
    throw new RangeError(`\`optimizer.adamw.parameters\`: ${manifest.name} has no parameter ${pattern}`);
  }
  const kind = checkOneOf("onNonFinite", policy.policy, ["error", "skip", "rollback"]);
  checkFields("onNonFinite", policy, kind === "rollback" ? ["policy", "every"] : ["policy"]);
  return {
    optimizer: chosen,
    clipNorm: checkNumber("clipNorm", clipNorm, 0),
    clipValue: checkNumber("clipValue", clipValue, 0),
    accumulate: checkWhole("accumulate", accumulate, 1),
    parameters: checkParameters(manifest, parameters),
    onNonFinite: {
      policy: kind,
      every: checkWhole("onNonFinite.every", "every" in policy ? (policy.every ?? 100) : 100, 1),
    },
    stepsInFlight: checkWhole("stepsInFlight", stepsInFlight, 1),
    stateful: checkStateful(manifest, stateful),
    seed: checkSeed(seed),
  };
}

/** @throws TypeError, or Error where states should be carried and the module is not compiled for it. */
export function checkStateful({ name, carried }: Manifest, stateful: boolean): boolean {
  if (checkBoolean("stateful", stateful) && carried === undefined) {
    throw new Error(
      `${name} is not compiled to carry states: compile it with \`stateful: true\`, or \`seqc compile --stateful\``,
    );
  }
  return stateful;
}

/** @throws Error where a trainer with these settings cannot go on from that state. */
export function checkResumable(
  { optimizer, waiting }: Pick<TrainingState, "optimizer" | "waiting">,
  settings: Pick<TrainingSettings, "optimizer" | "accumulate">,
): void {
  const { type } = settings.optimizer;
  if (optimizer !== type) {
    throw new Error(
      `the file holds the state of the optimizer "${optimizer}", and this trainer's is "${type}": make a trainer with ` +
        "that one, or load the parameters alone by `model.load`",
    );
  }
  if (waiting >= settings.accumulate) {
    throw new Error(
      `the file was saved with the gradients of ${waiting} steps waiting for an update, and this trainer's ` +
        `\`accumulate\` is ${settings.accumulate}: make it larger than that`,
    );
  }
}
