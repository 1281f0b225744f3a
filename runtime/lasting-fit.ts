/**
 * @file Training that outlives its device. A device may be lost at any moment, with all that it holds: so checkpoints are kept
 * elsewhere, and what comes after a loss is made anew from the last of them.
 */

import type { BatchSource } from "./batches.js";
import type { CheckpointStore } from "./checkpoint-store.js";
import { DeviceLostError } from "./errors.js";
import type { FitCallbacks, FitOptions } from "./fit-options.js";
import { checkWhole } from "./options.js";
import type { Trainer } from "./trainer.js";

/** A fit, and where it can be gone on from. */
export interface LastingFitOptions<Batch extends object>
  extends Pick<FitOptions<Batch>, "validation" | "validateEvery" | "callbacks" | "signal"> {
  /** In all: those of the checkpoint that is there at the beginning count. */
  readonly steps: number;
  /** Where checkpoints are kept. One that is there already is gone on from. */
  readonly store: CheckpointStore;
  /** Steps from one checkpoint to the next; default 100. Another is saved at the end. */
  readonly every?: number;
  /** After so many losses without a checkpoint in between the last of them is thrown; default 3. */
  readonly attempts?: number;
}

/**
 * Trains as `trainer.fit` does, and goes on from the last checkpoint on a new device whenever the device is lost. The run has the same
 * bits as one without a loss, if the new device is of the same adapter. Steps since the checkpoint are done again, and callbacks told
 * of them again; steps that were on their way as it was saved are in it, and if the device is lost before they are told, they never are.
 * @param make requests a device, creates the model and its trainer, the same every time. Called at first and after each loss.
 * @param batches those from a step on, counted from 0: of the step before which nothing was trained.
 * @returns the trainer that ended the run, for the caller to destroy.
 * @throws what `make`, a callback, the batches or the store throws, and whatever ends a fit but a lost device; the last checkpoint
 * stays where it is.
 */
export async function fitThroughLosses<Batch extends object>(
  make: () => Promise<Trainer<Batch>>,
  batches: (step: number) => BatchSource<Batch>,
  options: LastingFitOptions<Batch>,
): Promise<Trainer<Batch>> {
  const { store, every = 100, attempts = 3, callbacks = [], steps, ...others } = options;
  checkWhole("steps", steps, 1);
  checkWhole("every", every, 1);
  checkWhole("attempts", attempts, 1);
  let losses = 0;
  for (;;) {
    const trainer = await make();
    const saving: FitCallbacks = {
      async onStepEnd({ step }) {
        if (step % every !== 0) return;
        await store.save(await trainer.save());
        losses = 0;
      },
    };
    try {
      const checkpoint = await store.load();
      if (checkpoint !== undefined) await trainer.load(checkpoint);
      if (trainer.step >= steps) return trainer;
      await trainer.fit(() => batches(trainer.step), {
        ...others,
        steps: steps - trainer.step,
        callbacks: [...[callbacks].flat(), saving],
      });
      await store.save(await trainer.save());
      return trainer;
    } catch (error) {
      trainer.destroy();
      losses++;
      if (!(error instanceof DeviceLostError) || losses >= attempts) throw error;
    }
  }
}
