/** @file Fits of a small model on the device: what they learn, when they end, in which order they tell of it. */

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { DataLoader, type LoaderState } from "../../runtime/data/index.js";
import { NonFiniteError } from "../../runtime/errors.js";
import { nextTask } from "../../runtime/event-loop.js";
import type { FitOptions, History } from "../../runtime/fit-options.js";
import { Model } from "../../runtime/model.js";
import type { Trainer } from "../../runtime/trainer.js";
import type { TrainingOptions } from "../../runtime/training-options.js";
import { compileText } from "../support/compiled.js";
import { testDevice } from "../support/device.js";
import { distance, randomArray } from "./support.js";

const IN = 3;
const { manifest } = compileText(`model Line(D = ${IN}) {
  input x: [D]
  target t: f32
  param w: [D] ~ normal(0, 1)
  error = sum[d](w[d] * x[d]) - t
  loss error * error
  metric size = abs(error)
}`);
const EXAMPLES = 4;

type Batch = { readonly x: Float32Array; readonly t: Float32Array };
const batchOf = (seed: number): Batch => ({
  x: randomArray(EXAMPLES * IN, seed),
  t: randomArray(EXAMPLES, seed + 100),
});
const six = [1, 2, 3, 4, 5, 6].map(batchOf);
const held = [11, 12].map(batchOf);
const SGD = { type: "sgd", learningRate: 0.05 } as const;

let device: GPUDevice;
const models: Model<Batch, object>[] = [];
beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => {
  for (const model of models) model.destroy();
});

async function made(
  options: TrainingOptions = {},
): Promise<{ readonly model: Model<Batch, object>; readonly trainer: Trainer<Batch & object> }> {
  const model = await Model.create<Batch, object>(device, manifest, { seed: 3 });
  models.push(model);
  return { model, trainer: await model.trainer({ batch: EXAMPLES, optimizer: SGD, ...options }) };
}

async function fitted(
  batches: Parameters<Trainer<Batch>["fit"]>[0],
  options: FitOptions<Batch> = {},
): Promise<History> {
  return (await made()).trainer.fit(batches, options);
}

const weightsOf = async (model: Model<Batch, object>) => (await model.parameters()).w;
const lossesOf = ({ steps }: History): number[] => steps.map(({ loss }) => loss);

/** SGD in f64. */
class Reference {
  constructor(readonly w: number[]) {}

  errors({ x, t }: Batch): number[] {
    return [...t].map((target, row) => this.w.reduce((sum, weight, i) => sum + weight * x[row * IN + i], 0) - target);
  }

  loss(batch: Batch): number {
    return this.errors(batch).reduce((sum, e) => sum + e * e, 0) / EXAMPLES;
  }

  step(batch: Batch, rate: number): void {
    const errors = this.errors(batch);
    for (let i = 0; i < IN; i++) {
      const gradient = errors.reduce((sum, e, row) => sum + 2 * e * batch.x[row * IN + i], 0) / EXAMPLES;
      this.w[i] -= rate * gradient;
    }
  }
}

async function* later<T>(values: Iterable<T>): AsyncGenerator<T> {
  for (const value of values) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    yield value;
  }
}

/** A signal to wait for, and to give. */
function gate() {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

describe("a fit", () => {
  test("learns as SGD does in f64, with means over its epochs and validations", async () => {
    const schedule = { type: "cosine", peak: 0.1, steps: 12, warmup: 3 } as const;
    const { model, trainer } = await made({ optimizer: { ...SGD, learningRate: schedule } });
    const reference = new Reference([...(await weightsOf(model))]);
    const losses: number[] = [];
    const validations: number[] = [];
    const rates: number[] = [];
    for (let done = 0; done < 12; done++) {
      const rate = done < 3 ? (0.1 * (done + 1)) / 4 : 0.05 * (1 + Math.cos((Math.PI * (done - 3)) / 9));
      rates.push(rate);
      losses.push(reference.loss(six[done % 6]));
      reference.step(six[done % 6], rate);
      if (done % 6 === 5) validations.push((reference.loss(held[0]) + reference.loss(held[1])) / 2);
    }
    const history = await trainer.fit(six, { epochs: 2, validation: held });
    expect(distance(lossesOf(history), losses)).toBeLessThan(1e-5);
    expect(
      distance(
        history.steps.map(({ learningRate }) => learningRate),
        rates,
      ),
    ).toBeLessThan(1e-12);
    expect(
      distance(
        history.validations.map(({ loss }) => loss),
        validations,
      ),
    ).toBeLessThan(1e-5);
    const means = [losses.slice(0, 6), losses.slice(6)].map((part) => part.reduce((sum, loss) => sum + loss, 0) / 6);
    expect(
      distance(
        history.epochs.map(({ loss }) => loss),
        means,
      ),
    ).toBeLessThan(1e-5);
    expect(history.epochs.map(({ epoch, step, steps }) => [epoch, step, steps])).toEqual([
      [1, 6, 6],
      [2, 12, 6],
    ]);
    expect(history.epochs[1].validation).toEqual(history.validations[1]);
    expect(history.ended).toBe("finished");
    expect(distance(await weightsOf(model), reference.w)).toBeLessThan(1e-5);
  });

  test("gives the same bits whatever gives its batches, and however many steps are on their way", async () => {
    const first = await fitted(six, { epochs: 2 });
    const others = await Promise.all([
      fitted(() => later(six), { epochs: 2 }),
      fitted(async (pass) => (pass > 2 ? [] : six), { epochs: 2 }),
      fitted([...six, ...six].values()),
      made({ stepsInFlight: 1 }).then(({ trainer }) => trainer.fit(six, { epochs: 2 })),
      made({ stepsInFlight: 9 }).then(({ trainer }) => trainer.fit(later([...six, ...six]))),
    ]);
    expect(new Set(lossesOf(first)).size).toBe(12);
    for (const other of others) expect(lossesOf(other)).toEqual(lossesOf(first));
  });

  test("may use one array for all its batches", async () => {
    const shared = batchOf(0);
    function* reused() {
      for (const { x, t } of six) {
        shared.x.set(x);
        shared.t.set(t);
        yield shared;
      }
    }
    const asynchronous = async function* () {
      for (const batch of reused()) yield batch;
    };
    const expected = lossesOf(await fitted(six));
    expect(lossesOf(await fitted(reused))).toEqual(expected);
    expect(lossesOf(await fitted(asynchronous))).toEqual(expected);
  });

  test("has as many steps and epochs as it is asked for", async () => {
    const shape = async (options: FitOptions<Batch>) => (await fitted(six, options)).epochs.map(({ steps }) => steps);
    expect(await shape({})).toEqual([6]);
    expect(await shape({ steps: 8 })).toEqual([6, 2]);
    expect(await shape({ steps: 6 })).toEqual([6]);
    expect(await shape({ epochs: 3, stepsPerEpoch: 4 })).toEqual([4, 4, 4]);
    expect(await shape({ epochs: 2, steps: 30 })).toEqual([6, 6]);
    const cut = await fitted(six, { epochs: 3, stepsPerEpoch: 4 });
    expect(lossesOf(cut)).toEqual(lossesOf(await fitted(six, { epochs: 2 })));
  });

  test("takes no more of a generator than it trains on", async () => {
    let taken = 0;
    function* endless() {
      for (;;) yield six[taken++ % 6];
    }
    const seen: number[][] = [];
    await fitted(endless, {
      steps: 7,
      callbacks: { onStepEnd: ({ step }) => void seen.push([step, taken]) },
    });
    expect(taken).toBe(7);
    // Told of three steps later, or at the end: the position is that of what was submitted.
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7].map((step) => [step, Math.min(7, step + 3)]));
  });

  test("a generator is good for one pass", async () => {
    await expect(fitted(six.values(), { epochs: 2 })).rejects.toThrow("there is none in pass 2");
    await expect(fitted([])).rejects.toThrow("the batches: there is none");
  });

  test("goes on counting where the trainer is, and one at a time", async () => {
    const { trainer } = await made();
    await trainer.fit(six);
    const second = trainer.fit(six, { validation: held, validateEvery: 4 });
    await expect(trainer.fit(six)).rejects.toThrow("in a fit already");
    const { steps, validations } = await second;
    expect(steps[0].step).toBe(7);
    expect(validations.map(({ step }) => step)).toEqual([8, 12]);
  });
});

describe("numbers that are not finite", () => {
  const huge: Batch = { ...six[1], t: six[1].t.map((value) => value * 1e30) };

  test("end the fit with an error that names the step", async () => {
    const { trainer } = await made();
    const fit = trainer.fit([six[0], huge, ...six]);
    await expect(fit).rejects.toThrow(NonFiniteError);
    await expect(fit).rejects.toThrow("step 2");
  });

  test("are told of and left out of means where they are skipped", async () => {
    const { model, trainer } = await made({ onNonFinite: "skip" });
    const { steps, epochs } = await trainer.fit([six[0], huge, six[1]]);
    expect(steps.map(({ skipped }) => skipped)).toEqual([false, true, false]);
    expect(epochs[0].loss).toBe((steps[0].loss + steps[2].loss) / 2);
    const other = await made();
    await other.trainer.fit(six.slice(0, 2));
    expect(await weightsOf(model)).toEqual(await weightsOf(other.model));
  });
});

test("a loader is where the trainer is, whenever a callback looks", async () => {
  const source = { identity: { name: "six" }, epochLength: 6, batch: (number: number) => six[number % 6] };
  const loader = new DataLoader(source);
  const { model, trainer } = await made();
  let saved: { bytes: Uint8Array; state: LoaderState } | undefined;
  const save = async (step: number) => {
    if (step === 4) saved = { state: loader.state(), bytes: await trainer.save() };
  };
  await trainer.fit(loader, { epochs: 2, callbacks: { onStepEnd: ({ step }) => save(step) } });
  if (saved === undefined) throw new Error("nothing was saved");
  const resumed = await made();
  await resumed.trainer.load(saved.bytes);
  const rest = new DataLoader(source);
  rest.restore(saved.state);
  await resumed.trainer.fit(rest, { steps: 12 - saved.state.taken });
  expect(await weightsOf(resumed.model)).toEqual(await weightsOf(model));
});

describe("callbacks", () => {
  test("come in order, steps late by a fixed number", async () => {
    const { trainer } = await made({ stepsInFlight: 3 });
    const told: string[] = [];
    const tell = (text: string) => void told.push(text);
    const slow = async (text: string) => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      tell(text);
    };
    let submitted = 0;
    const trainStep = trainer.trainStep.bind(trainer);
    vi.spyOn(trainer, "trainStep").mockImplementation((batch) => {
      tell(`submit ${++submitted}`);
      return trainStep(batch);
    });
    const history = await trainer.fit(six.slice(0, 5), {
      validation: held,
      callbacks: [
        {
          onTrainBegin: () => tell("train"),
          onEpochBegin: (epoch) => slow(`epoch ${epoch}`),
          onStepEnd: ({ step }) => slow(`step ${step}`),
          onValidationEnd: ({ step }) => tell(`validation ${step}`),
          onEpochEnd: ({ epoch }) => slow(`epoch ${epoch} ends`),
          onTrainEnd: ({ steps }) => tell(`end of ${steps.length}`),
        },
        { onEpochEnd: () => tell("second") },
      ],
    });
    expect(told.join(", ")).toBe(
      "train, epoch 1, submit 1, submit 2, submit 3, step 1, submit 4, step 2, submit 5, step 3, step 4, step 5, " +
        "validation 5, epoch 1 ends, second, end of 5",
    );
    expect(history.steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
  });

  test("that set the learning rate act on the same step every time", async () => {
    const run = async (wait: number) => {
      const { trainer } = await made();
      return trainer.fit(six, {
        epochs: 2,
        callbacks: {
          async onStepEnd({ step }) {
            if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
            if (step === 3) trainer.learningRate = 0.01;
          },
        },
      });
    };
    const [fast, slow] = [await run(0), await run(5)];
    expect(fast.steps.map(({ learningRate }) => learningRate)).toEqual([
      ...Array(6).fill(0.05),
      ...Array(6).fill(0.01),
    ]);
    expect(lossesOf(slow)).toEqual(lossesOf(fast));
  });

  test("stop the fit as if no more had been asked for", async () => {
    const { model, trainer } = await made();
    const history = await trainer.fit(six, {
      epochs: 9,
      validation: held,
      callbacks: { onStepEnd: ({ step }, fit) => (step === 5 ? fit.stop() : undefined) },
    });
    expect(history.ended).toBe("stopped");
    expect(history.epochs.map(({ steps }) => steps)).toEqual([6]);
    const other = await made();
    await other.trainer.fit(six, { steps: 6 });
    expect(await weightsOf(model)).toEqual(await weightsOf(other.model));
    expect(history.validations).toHaveLength(1);
  });

  test("that throw end it, after the steps on their way", async () => {
    let returned = false;
    function* source() {
      try {
        yield* [...six, ...six];
      } finally {
        returned = true;
      }
    }
    const { model, trainer } = await made();
    const fit = trainer.fit(source, {
      callbacks: {
        async onStepEnd({ step }) {
          if (step === 2) throw new Error("the disk is full");
        },
      },
    });
    await expect(fit).rejects.toThrow("the disk is full");
    expect(returned).toBe(true);
    const other = await made();
    await other.trainer.fit(six, { steps: 5 });
    expect(await weightsOf(model)).toEqual(await weightsOf(other.model));
    // And another one may begin.
    expect((await trainer.fit(six)).steps[0].step).toBe(6);
  });
});

describe("batches that fail", () => {
  test.each(["sync", "async"])("end the fit with their error: %s", async (kind) => {
    function* source() {
      yield* six.slice(0, 3);
      throw new Error("the file ends");
    }
    const { model, trainer } = await made();
    await expect(trainer.fit(kind === "sync" ? source : () => later(source()))).rejects.toThrow("the file ends");
    const other = await made();
    await other.trainer.fit(six, { steps: 3 });
    expect(await weightsOf(model)).toEqual(await weightsOf(other.model));
  });

  test("a batch that the model refuses does so too", async () => {
    const { trainer } = await made();
    const bad = { ...six[1], x: six[1].x.slice(1) };
    await expect(trainer.fit([six[0], bad])).rejects.toThrow("input `x` has 11 elements and needs 12");
  });
});

describe("an abort", () => {
  test("throws the signal's reason and leaves the model with the steps submitted", async () => {
    const controller = new AbortController();
    const { model, trainer } = await made();
    const fit = trainer.fit(six, {
      epochs: 100,
      signal: controller.signal,
      callbacks: { onStepEnd: ({ step }) => (step === 4 ? controller.abort(new Error("leaving")) : undefined) },
    });
    await expect(fit).rejects.toThrow("leaving");
    const other = await made();
    await other.trainer.fit(six);
    expect(await weightsOf(model)).toEqual(await weightsOf(other.model));
    await expect(trainer.fit(six, { signal: controller.signal })).rejects.toThrow("leaving");
    expect((await trainer.fit(six)).steps[0].step).toBe(7);
  });

  test("does not wait for batches that do not come", async () => {
    const controller = new AbortController();
    let returned = false;
    const silent: AsyncIterable<Batch> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: async () => {
          returned = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const { trainer } = await made();
    const fit = trainer.fit(silent, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("leaving")), 5);
    await expect(fit).rejects.toThrow("leaving");
    expect(returned).toBe(true);
    const stopped = trainer.fit(silent);
    setTimeout(() => stopped.stop(), 5);
    expect(await stopped).toEqual({ steps: [], epochs: [], validations: [], ended: "stopped" });
  });

  test("ends a pause", async () => {
    const controller = new AbortController();
    const { trainer } = await made();
    const fit = trainer.fit(six, { signal: controller.signal });
    fit.pause();
    setTimeout(() => controller.abort(), 5);
    await expect(fit).rejects.toThrow("abort");
  });
});

test("a pause holds the steps and changes none of them", async () => {
  const { model, trainer } = await made();
  const third = gate();
  const fit = trainer.fit(six, {
    epochs: 2,
    callbacks: {
      onStepEnd({ step }, control) {
        if (step !== 3) return;
        control.pause();
        third.open();
      },
    },
  });
  await third.opened;
  expect(fit.paused).toBe(true);
  const before = await weightsOf(model);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await weightsOf(model)).toEqual(before);
  fit.resume();
  expect(fit.paused).toBe(false);
  expect(lossesOf(await fit)).toEqual(lossesOf(await fitted(six, { epochs: 2 })));
});

describe("early stopping", () => {
  /** Learning much too fast: every step makes it worse from some point on. */
  const diverging = { optimizer: { type: "sgd", learningRate: 0.9 } } as const;

  test("ends the fit once the validation is no better, and brings the best parameters back", async () => {
    const { model, trainer } = await made(diverging);
    const parameters: Float32Array[] = [];
    const history = await trainer.fit(six, {
      epochs: 20,
      validation: held,
      validateEvery: 1,
      earlyStopping: { patience: 3, restoreBest: true },
      callbacks: { onValidationEnd: async () => void parameters.push(await weightsOf(model)) },
    });
    const losses = history.validations.map(({ loss }) => loss);
    const best = losses.indexOf(Math.min(...losses));
    expect(history.ended).toBe("early");
    expect(history.best).toEqual({ step: best + 1, value: losses[best] });
    expect(losses).toHaveLength(best + 4);
    expect(await weightsOf(model)).toEqual(parameters[best]);
    expect(parameters.at(-1)).not.toEqual(parameters[best]);
    expect((await trainer.evaluate(held)).loss).toBe(losses[best]);
  });

  test("judges the mean over an epoch, or a metric in either direction", async () => {
    const { trainer } = await made(diverging);
    const byLoss = await trainer.fit(six, { epochs: 20, earlyStopping: { monitor: "loss", patience: 2 } });
    const losses = byLoss.epochs.map(({ loss }) => loss);
    expect(byLoss.best?.value).toBe(Math.min(...losses));
    expect(losses.slice(-2).every((loss) => loss >= Math.min(...losses.slice(0, -2)))).toBe(true);
    const other = await made(diverging);
    const bySize = await other.trainer.fit(six, {
      epochs: 4,
      earlyStopping: { monitor: "size", mode: "max", patience: 9, minDelta: 1e30 },
    });
    expect(bySize.ended).toBe("finished");
    expect(bySize.best?.step).toBe(6);
  });

  test.each<[options: object, message: string]>([
    [
      { monitor: "validation.accuracy" },
      '`earlyStopping.monitor` must be "loss", "size", "validation.loss" or "validation.size"',
    ],
    [{ monitor: "size" }, '`earlyStopping.mode` must be "min" or "max", not undefined'],
    [{ patience: -1 }, "`earlyStopping.patience`"],
    [{ minDelta: Number.NaN }, "`earlyStopping.minDelta`"],
    [{ restoreBestWeights: true }, "unknown option `earlyStopping.restoreBestWeights`"],
  ])("refuses %j", async (earlyStopping, message) => {
    await expect(fitted(six, { validation: held, earlyStopping })).rejects.toThrow(message);
  });
});

test.each<[options: object, message: string]>([
  [{ epochs: 0 }, "`epochs` must be a whole number of at least 1"],
  [{ steps: 1.5 }, "`steps`"],
  [{ stepsPerEpoch: -1 }, "`stepsPerEpoch`"],
  [{ validateEvery: 2 }, "`validation` is not"],
  [{ verbose: 1 }, "unknown option `fit.verbose`"],
])("refuses %j", async (options, message) => {
  await expect(fitted(six, options)).rejects.toThrow(message);
});

test("others have their turn between steps", async () => {
  let [turns, ended] = [0, false];
  const other = (async () => {
    for (; !ended; turns++) await nextTask();
  })();
  /** How many turns the other had between the batches. */
  const between: number[] = [];
  function* busy() {
    for (let step = 0; step < 8; step++) {
      between.push(turns);
      const until = performance.now() + 20;
      while (performance.now() < until);
      yield six[step % 6];
    }
  }
  const { trainer } = await made({ stepsInFlight: 100 });
  await trainer.fit(busy);
  ended = true;
  await other;
  for (let step = 1; step < 8; step++) expect(between[step]).toBeGreaterThan(between[step - 1]);
});
