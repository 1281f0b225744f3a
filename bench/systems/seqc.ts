/** @file seqc itself, as a user runs it: compiled from the text, trained through the runtime's public interface. */

import { Model } from "../../runtime/model.js";
import { requestNodeDevice } from "../../runtime/node.js";
import type { MeteredGpu } from "../gpu.js";
import { compileCase, OPTIMIZER } from "../workload.js";
import type { System } from "./system.js";

export function seqc({ adapter, meter }: MeteredGpu): System {
  return {
    name: "seqc",
    refuses: () => undefined,
    async open({ case: of, parameters, batch }) {
      meter.start();
      const manifest = compileCase(of);
      const { device } = await requestNodeDevice();
      const model = await Model.create(device, manifest, { seed: 1 });
      const { clipNorm, ...optimizer } = OPTIMIZER;
      const length = manifest.lengths.length === 0 ? undefined : of.length;
      const trainer = await model.trainer({ batch: of.batch, length, optimizer, clipNorm });
      const values = Object.fromEntries(batch.map((data) => [data.name, data.values]));
      const promised = 4 * (manifest.layout.total + 2 * manifest.layout.trainable) + trainer.arenaBytes;
      let ran = 0;
      return {
        adapter,
        async run(steps) {
          let loss: Promise<number> = Promise.resolve(Number.NaN);
          for (let i = 0; i < steps; i++) ({ loss } = await trainer.trainStep(values));
          ran += steps;
          return loss;
        },
        async parameters() {
          const all = await model.parameters();
          return parameters.map(({ name }) => all[name]);
        },
        async figures() {
          const dispatches = trainer.dispatchesPerStep;
          if (meter.dispatches !== dispatches * ran) {
            throw new Error(`${dispatches} dispatches a step are promised, ${meter.dispatches / ran} were seen`);
          }
          if (meter.peakBytes < promised) throw new Error(`${promised} bytes are promised, fewer were seen`);
          return { dispatches, peakBytes: meter.peakBytes };
        },
        async close() {
          model.destroy();
          device.destroy();
        },
      };
    },
  };
}
