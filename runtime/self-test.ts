/**
 * @file Whether a device computes what the spec says: drivers have compiled kernels into something else. Each program runs
 * dispatch by dispatch at the sizes of the reference that the module brings along, on memory full of huge numbers, and
 * every kernel that may do a dispatch has to store the reference's values.
 */

import type { Lengths } from "./arena.js";
import { countElements, type ModelCore, storageSize } from "./core.js";
import { createBuffer } from "./live-objects.js";
import type { ReferenceRun, Variant } from "./manifest.js";
import { type CompiledProgram, Execution, type Prepared, prepareKernel } from "./program.js";
import { Readback, type Values } from "./readback.js";
import {
  distanceOf,
  fill,
  HUGE,
  HUGE_HALVES,
  type Place,
  type Stored,
  scratchOf,
  storedBy,
  valueName,
} from "./self-test-memory.js";
import { referenceInputs, referenceParameters, type Summary, summarise, withFixed } from "./self-test-rule.js";
import { testRuntime } from "./self-test-runtime.js";
import { fitsDevice, passesOf, variantsOf } from "./variants.js";

/** A kernel that may do a dispatch. */
export interface TestedKernel {
  /** `train`, `evaluate`, `predict`, `start` and `step` of a stream, `probe`, `profile`; `runtime` for what is not the module's. */
  readonly program: string;
  /** Its number in the program, and what it computes. */
  readonly dispatch: number;
  readonly label: string;
  /** 0 is the default. */
  readonly variant: number;
  /** Names in the manifest, in the order in which they run. */
  readonly kernels: readonly string[];
}

/** A kernel that does not compute what the spec says, or that the device refuses. */
export interface SelfTestFault extends TestedKernel {
  /** A sentence with all of this. */
  readonly message: string;
  /** What differs: the value's name. Absent where the device refuses the kernel. */
  readonly value?: string;
  /** Norm and projection of the value, and how far they may be off. */
  readonly expected?: Summary & { readonly tolerance: number };
  readonly got?: Summary;
}

/** What `Model.selfTest` found. */
export interface SelfTestReport {
  /** Whether there are no faults. */
  readonly passed: boolean;
  /** How many times a kernel's results were compared. */
  readonly checked: number;
  readonly faults: readonly SelfTestFault[];
  /** What could not be tested, and why. */
  readonly skipped: readonly (Partial<TestedKernel> & { readonly program: string; readonly reason: string })[];
}

/** ‖a − b‖ / ‖b‖ up to which two kernels leave the same in memory that no value of the spec stands for. */
const ALIKE = 1e-3;

/** @throws Error in a module that was not compiled for it. */
export async function selfTest(core: ModelCore): Promise<SelfTestReport> {
  core.check();
  const { device, guard, manifest } = core;
  const { selfTest: reference, name } = manifest;
  if (reference === undefined) {
    throw new Error(
      `${name} was not compiled for \`selfTest\`: compile it with \`seqc compile --self-test\`, or with the option \`selfTest\``,
    );
  }
  const findings = new Findings();
  const params = await guard.creating(`the self-test of ${name}`, () => {
    const { STORAGE, COPY_DST } = GPUBufferUsage;
    const size = storageSize(manifest.layout.total);
    return createBuffer(device, { label: "params", size, usage: STORAGE | COPY_DST });
  });
  const owned = core.own({ destroy: () => params.destroy() });
  try {
    device.queue.writeBuffer(params, 0, referenceParameters(manifest, reference.spread));
    const states: (Values | undefined)[] = [];
    for (const [at, run] of reference.runs.entries()) {
      const { program, after, indefinite = [] } = run;
      for (const value of indefinite) findings.skip({ program, reason: `${value} is no number on the test's inputs` });
      if (after !== undefined && states[after] === undefined) {
        findings.skip({ program, reason: "it goes on from a run that has a fault" });
        continue;
      }
      const needed = reference.runs.some((other) => other.after === at);
      states[at] = await testProgram(
        core,
        run,
        params,
        findings,
        after === undefined ? undefined : states[after],
        needed,
      );
    }
    findings.add(await testRuntime(device));
  } finally {
    core.disown(owned);
    owned.destroy();
  }
  return findings.report;
}

class Findings {
  readonly #faults: SelfTestFault[] = [];
  readonly #skipped: SelfTestReport["skipped"][number][] = [];
  /** Variants that were found right, in this dispatch or in one like it. */
  readonly right = new Set<string>();
  #checked = 0;

  get report(): SelfTestReport {
    return { passed: this.#faults.length === 0, checked: this.#checked, faults: this.#faults, skipped: this.#skipped };
  }

  skip(what: SelfTestReport["skipped"][number]): void {
    this.#skipped.push(what);
  }

  fault(fault: SelfTestFault): void {
    this.#faults.push(fault);
  }

  count(): void {
    this.#checked++;
  }

  add({ checked, faults }: Pick<SelfTestReport, "checked" | "faults">): void {
    this.#checked += checked;
    this.#faults.push(...faults);
  }
}

/** Gives the next states, if they are needed and right. */
async function testProgram(
  core: ModelCore,
  run: ReferenceRun,
  params: GPUBuffer,
  findings: Findings,
  states: Values | undefined,
  needed: boolean,
): Promise<Values | undefined> {
  const compiled = core.compile(run.program);
  const sizes = withFixed(run.sizes);
  const { dispatches } = compiled.program;
  const candidates = await Promise.all(
    dispatches.map((_, at) => candidatesOf(core, run, compiled, at, sizes, findings)),
  );
  const missing = candidates.findIndex((each) => each.length === 0);
  if (missing >= 0) {
    const reason = `no kernel can do dispatch ${missing}, ${dispatches[missing].label}`;
    findings.skip({ program: run.program, reason });
    return undefined;
  }
  const chosen = candidates.map(([first]) => first.variant);
  const execution = await Execution.create(compiled, sizes, params, [], chosen);
  const trial = core.own(new Trial(core, run, execution));
  try {
    trial.begin(states);
    for (const at of dispatches.keys()) {
      if (!(await trial.test(at, candidates[at], findings))) return undefined;
    }
    return needed ? await trial.nextStates() : undefined;
  } finally {
    core.disown(trial);
    trial.destroy();
  }
}

interface Candidate {
  readonly variant: number;
  readonly kernel: TestedKernel;
  readonly prepared: Prepared;
  /** Equal for variants that run the same kernels. */
  readonly key: string;
}

/** The kernels of a dispatch that this device takes, the default first. */
async function candidatesOf(
  core: ModelCore,
  { program }: ReferenceRun,
  compiled: CompiledProgram,
  at: number,
  sizes: Lengths,
  findings: Findings,
): Promise<readonly Candidate[]> {
  const dispatch = compiled.program.dispatches[at];
  const prepared = variantsOf(dispatch).map(async (each, variant): Promise<readonly Candidate[]> => {
    const kernels = passesOf(each).map((pass) => pass.kernel);
    const kernel = { program, dispatch: at, label: dispatch.label, variant, kernels };
    if (!fitsDevice(each, core.device)) {
      findings.skip({ ...kernel, reason: "beyond the device's limits and features" });
      return [];
    }
    try {
      const prepared = await prepareKernel(compiled, at, each, sizes);
      return [{ variant, kernel, prepared, key: keyOf(each) }];
    } catch (error) {
      const { message } = await core.guard.explain(error);
      // Of a device that is gone no kernel is to blame.
      core.check();
      findings.fault({ ...kernel, message: `${describe(kernel)} is refused by the device: ${message}` });
      return [];
    }
  });
  return (await Promise.all(prepared)).flat();
}

const keyOf = (variant: Variant): string => JSON.stringify(passesOf(variant).map(({ kernel }) => kernel));

const describe = ({ program, dispatch, label, variant, kernels }: TestedKernel): string =>
  `${kernels.join(" + ")} (${program}, dispatch ${dispatch}, ${variant === 0 ? "the default" : `variant ${variant}`}: ${label})`;

/** A program whose dispatches are done one at a time, by each of their kernels. */
class Trial {
  readonly #readback: Readback;
  readonly #halvesReadback: Readback | undefined;
  readonly #stored: readonly Stored[];
  readonly #halfBytes: 2 | 4 | undefined;

  constructor(
    private readonly core: ModelCore,
    private readonly run: ReferenceRun,
    private readonly execution: Execution,
  ) {
    const { program, kernels } = execution.compiled;
    this.#stored = program.dispatches.map((_, at) => storedBy(core.manifest, execution, run.dispatches[at], at));
    this.#halfBytes = kernels.halfBytes;
    const states = Object.values(program.nextStates).reduce((sum, slot) => sum + execution.lengthOf(slot), 0);
    const most = (half: boolean) => {
      const places = this.#stored.map(({ known, others }) =>
        [...known, ...others].filter((each) => each.half === half),
      );
      return Math.max(states, ...places.map(countElements));
    };
    this.#readback = new Readback(core.device, most(false));
    this.#halvesReadback = this.#halfBytes && new Readback(core.device, most(true), this.#halfBytes);
  }

  /** Fills memory and gives the program what it reads. */
  begin(states: Values | undefined): void {
    const { execution, core, run } = this;
    const { program } = execution.compiled;
    const { device } = core;
    fill(device, execution.arena, 0, execution.arena.size, HUGE);
    if (execution.halves) fill(device, execution.halves, 0, execution.halves.size, this.#hugeHalves);
    const given = referenceInputs(core.manifest, execution.sizes, run.after !== undefined);
    for (const [name, slot] of Object.entries(program.inputs)) {
      const values = given.get(name) ?? states?.get(name) ?? new Float32Array(execution.lengthOf(slot));
      if (values.length > 0) execution.upload(slot, values);
    }
    const { overflow } = program.scalars;
    if (overflow !== undefined) execution.upload(overflow, new Float32Array(1));
  }

  /** Tries the kernels of a dispatch, and goes on with one that is right. @returns whether there is one. */
  async test(at: number, candidates: readonly Candidate[], findings: Findings): Promise<boolean> {
    let right: { readonly candidate: Candidate; readonly values: Values } | undefined;
    let last: Candidate | undefined;
    for (const candidate of candidates) {
      // The default runs wherever it stands; of variants it is enough to have run somewhere.
      if (right !== undefined && findings.right.has(candidate.key)) continue;
      const values = await this.#run(at, candidate.prepared);
      last = candidate;
      const fault = this.#compare(at, candidate, values, right?.values);
      const { known, others } = this.#stored[at];
      const isCompared = known.length > 0 || (right !== undefined && others.length > 0);
      if (isCompared) findings.count();
      if (fault !== undefined) {
        findings.fault(fault);
        continue;
      }
      right ??= { candidate, values };
      if (isCompared) findings.right.add(candidate.key);
    }
    if (right !== undefined && right.candidate !== last) await this.#run(at, right.candidate.prepared);
    return right !== undefined;
  }

  /** The states as the last dispatch left them. */
  async nextStates(): Promise<Values> {
    const { execution } = this;
    const places = Object.entries(execution.compiled.program.nextStates).map(
      ([name, slot]): Place => ({
        name,
        offset: execution.offsetOf(slot),
        length: execution.lengthOf(slot),
        half: false,
      }),
    );
    return this.#read(places);
  }

  destroy(): void {
    this.execution.destroy();
    this.#readback.destroy();
    this.#halvesReadback?.destroy();
  }

  get #hugeHalves(): number {
    return this.#halfBytes === 2 ? HUGE_HALVES : HUGE;
  }

  /** Does a dispatch by one kernel, what it writes being huge before, and reads what it wrote. */
  async #run(at: number, prepared: Prepared): Promise<Values> {
    const { core, execution } = this;
    const { known, others } = this.#stored[at];
    const places = [...known, ...others];
    await core.guard.creating(`testing ${execution.compiled.title}`, () => {
      for (const place of [...places, ...scratchOf(execution, at)]) this.#spoil(place);
      const encoder = core.device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      execution.dispatch(pass, [prepared]);
      pass.end();
      core.device.queue.submit([encoder.finish()]);
    });
    return this.#read(places);
  }

  #spoil({ offset, length, half }: Place): void {
    const { device } = this.core;
    const { arena, halves } = this.execution;
    if (!half) fill(device, arena, 4 * offset, 4 * length, HUGE);
    else if (halves && this.#halfBytes) {
      const bytes = this.#halfBytes * length;
      // What fills up a word belongs to the same slot.
      fill(device, halves, this.#halfBytes * offset, 4 * Math.ceil(bytes / 4), this.#hugeHalves);
    }
  }

  async #read(places: readonly Place[]): Promise<Values> {
    const { device } = this.core;
    const { arena, halves } = this.execution;
    const encoder = device.createCommandEncoder();
    const of = (half: boolean) => places.filter((place) => place.half === half);
    const reads = [this.#readback.copy(encoder, arena, of(false))];
    if (this.#halvesReadback && halves) reads.push(this.#halvesReadback.copy(encoder, halves, of(true)));
    device.queue.submit([encoder.finish()]);
    return new Map((await Promise.all(reads.map((read) => read()))).flatMap((each) => [...each]));
  }

  /** @param like what a right kernel left. */
  #compare(at: number, { kernel }: Candidate, values: Values, like: Values | undefined): SelfTestFault | undefined {
    const { known, others } = this.#stored[at];
    for (const { name, half, expected } of known) {
      const [, norm, projection, tolerance] = expected;
      const got = summarise(values.get(name)!, half);
      const differs = Math.max(Math.abs(got.norm - norm), Math.abs(got.projection - projection));
      if (differs <= tolerance) continue;
      const value = valueName(this.execution.compiled.program, expected[0]);
      const message =
        `${describe(kernel)}: ${value} has norm ${got.norm.toPrecision(5)} and projection ${got.projection.toPrecision(5)}, ` +
        `expected ${norm} and ${projection}`;
      return { ...kernel, message, value, expected: { norm, projection, tolerance }, got };
    }
    for (const { name } of like === undefined ? [] : others) {
      const distance = distanceOf(values.get(name)!, like!.get(name)!);
      if (distance <= ALIKE) continue;
      const value = valueName(this.execution.compiled.program, Number(name));
      const message = `${describe(kernel)}: ${value} differs from that of another kernel by ${distance.toPrecision(2)}`;
      return { ...kernel, message, value };
    }
    return undefined;
  }
}
