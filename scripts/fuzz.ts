/**
 * @file `npm run fuzz`: random specs for a time, each compiled, its gradients against central differences, its kernels
 * on the device against the interpreter, and with a few tokens wrong. `--seconds 600 --seed 1 --count 1000 --no-device`;
 * `--spans 3` cuts every loop that can be cut into so many spans of time, `--steps` does every loop with a product a dispatch a
 * step. Failing specs are shrunk and printed with the seed that finds them again; the exit status is 1 if there were any.
 */

import { parseArgs } from "node:util";
import fc from "fast-check";
import { SPANS } from "../runtime/manifest.js";
import { requestNodeDevice } from "../runtime/node.js";
import {
  agreesOnDevice,
  agreesWithItself,
  compiles,
  examplesStandAlone,
  streams,
  survivesMistakes,
} from "../tests/fuzz/properties.js";
import { specs } from "../tests/fuzz/spec.js";
import { executeGraph } from "../tests/support/execute.js";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "600" },
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "Infinity" },
    "no-device": { type: "boolean", default: false },
    spans: { type: "string" },
    steps: { type: "boolean", default: false },
  },
});
const [seconds, first, count] = [values.seconds, values.seed, values.count].map(Number);
const device = values["no-device"] ? undefined : (await requestNodeDevice()).device;
const end = Date.now() + 1000 * seconds;
/** Shrinking compiles again and again; after this the smallest spec so far is printed. */
const SHRINKING = 60_000;

type Sizes = Readonly<Record<string, number>>;
/** The last variant of each loop, with `--steps` also of products over few terms. */
function forced(sizes: Sizes): readonly [sizes: Sizes, variant?: number, stored?: undefined, wide?: number] {
  const all = values.spans === undefined ? sizes : { ...sizes, [SPANS]: Number(values.spans) };
  if (values.steps) return [all, Number.POSITIVE_INFINITY, undefined, 1];
  return values.spans === undefined ? [sizes] : [all, 1];
}

let [ran, gaps, faults] = [0, 0, 0];
for (; ran < count && Date.now() < end; ran++) {
  const seed = first + ran;
  let skipped = false;
  const property = fc.asyncProperty(specs, async (spec) => {
    const model = compiles(spec);
    skipped = model === undefined;
    if (model === undefined) return;
    agreesWithItself(spec, model);
    streams(spec, model);
    examplesStandAlone(spec, model);
    survivesMistakes(spec);
    if (device)
      await agreesOnDevice(spec, model, (graph, args, sizes) => executeGraph(device, graph, args, ...forced(sizes)));
  });
  const details = await fc.check(property, { seed, numRuns: 1, interruptAfterTimeLimit: SHRINKING });
  if (details.counterexample === null) {
    if (skipped) gaps++;
    continue;
  }
  faults++;
  const [{ text, lengths }] = details.counterexample;
  const { errorInstance: error } = details;
  console.log(
    `\nseed ${seed}, with ${JSON.stringify(lengths)}: ${error instanceof Error ? error.stack : error}\n${text}`,
  );
}
device?.destroy();
console.log(`${ran} specs from seed ${first}: ${faults} faults, ${gaps} not compiled yet`);
process.exitCode = faults > 0 ? 1 : 0;
