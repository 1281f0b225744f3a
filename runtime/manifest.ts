/**
 * @file What the compiler tells the runtime about one model: pure data, no code but WGSL text.
 *
 * Every array a program works on lies in one storage buffer, the arena, as f32 values (ids as whole numbers, bools as
 * 0 and 1); parameters lie in another, in the order of `parameters`. A training step ends with the gradients in the arena:
 * what is done with them, the update, is the runtime's and the same for all models.
 * Offsets within the arena depend on the batch and the lengths, so the runtime plans them and hands each dispatch those
 * that it needs, its plan: u32 words in a uniform. A kernel knows nothing else of where it stands, so that layers and
 * programs that compute alike share its text and its pipeline.
 *
 * A model compiled for f16 has a second arena of halves, for what kernels keep between each other. They are f16 where the
 * device has `shader-f16`, else f32: the runtime spells the type `half` in front of `Manifest.wgsl`.
 *
 * Bindings of group 0: 0 plan (uniform, at a dynamic offset) · 1 params (read-only storage) · 2 arena (storage) · 3 halves (storage).
 */

/** Of this file's types; a runtime reads no other. */
export const FORMAT = 3;

/** The name of the batch where run-time lengths are named. */
export const BATCH = "_B";

/** In a stream: the number of steps before those at hand. */
export const PAST = "_past";

/** In a stream: how many steps, from the first on, the caches have room for. They have it as their first axis. */
export const ROOM = "_room";

/** The number of spans into which loops over time may be cut, which the runtime chooses: a length like the others. */
export const SPANS = "_spans";

/** A number known at run time: ⌈factor · Π lengths · Π ⌈length / steps⌉ / divisor⌉. */
export interface Count {
  readonly factor: number;
  readonly lengths: readonly string[];
  readonly divisor: number;
  /** Lengths that count by chunks of so many steps. */
  readonly chunks?: readonly { readonly length: string; readonly steps: number }[];
}

/**
 * A region of the arena. It holds its value from dispatch `first` to dispatch `last`, both included; −1 is "written by
 * the host before the first dispatch", `dispatches.length` is "read by the host after the last". Regions whose lives do
 * not meet may share memory. Kernels write all of a slot before they read it: memory is not cleared.
 */
export interface Slot {
  readonly name: string;
  readonly size: Count;
  /** It lies in the arena of halves. */
  readonly half?: true;
  readonly first: number;
  readonly last: number;
}

/** What random numbers depend on besides their stream and counter: the run's seed, and the step of training. */
export const DRAW_WORDS = ["_seed", "_step"] as const;

/** Of a training step in f16: by how much the loss's derivative is scaled up, a power of two. */
export const LOSS_SCALE = "_scale";

/**
 * A word of a dispatch's plan: the batch, a length (in a stream's steps also `PAST` and `ROOM`), `SPANS`, `LOSS_SCALE` or one
 * of `DRAW_WORDS` by its name; a place in the arena, so many elements behind the start of a slot; a number; in a dispatch
 * that is repeated for each step of a loop over a length, how many steps are done.
 */
export type Word = string | number | { readonly slot: number; readonly plus?: number } | { readonly steps: string };

/** What a thread does, by which the runtime weighs the kernels of a dispatch against each other; in numbers a term of its sums. */
export interface Work {
  /** Terms that a thread goes through. */
  readonly terms: Count;
  /** Values read from buffers, and from memory of the workgroup. */
  readonly reads: number;
  readonly shared: number;
  /** Whether neighbouring threads read far apart. */
  readonly apart?: boolean;
  readonly products: number;
  /** Turns of loops: 1/4 where four terms are written out. */
  readonly turns: number;
}

/** A kernel; the number of workgroups is the sum of the products of `groups`. */
export interface Pass {
  /** Its name in `Manifest.kernels`, which is that of its entry point too. */
  readonly kernel: string;
  readonly groups: readonly (readonly Count[])[];
}

/** A kernel that may do a dispatch, with what it needs before and behind it. */
export interface Variant extends Pass {
  readonly before?: readonly Pass[];
  readonly behind?: readonly Pass[];
  /**
   * Of a loop over time: the kernel and `others`, one after another, are done again for each step of the length. In one step
   * there are so many products for each example.
   */
  readonly steps?: { readonly length: string; readonly products: number; readonly others: readonly Pass[] };
  /** Of a loop over time: its length is cut into `SPANS` spans of whole blocks of `unit` steps, done side by side. */
  readonly spans?: { readonly length: string; readonly unit: number };
  /** Of a loop over time: examples a workgroup. */
  readonly rows?: number;
  /** Of a loop over time: elements of a state a thread. */
  readonly own?: number;
  /** Of a product: results of a thread along rows and along columns. */
  readonly height?: number;
  readonly width?: number;
  /** For each of `groups`. Absent where nothing is to be chosen by it. */
  readonly work?: readonly Work[];
  /** Whether it needs WebGPU's `subgroups`. */
  readonly quads?: boolean;
  /** Threads a workgroup. */
  readonly threads?: number;
  /** Memory that a workgroup's threads share, as WebGPU counts it; absent where there is none. */
  readonly workgroupBytes?: number;
}

/**
 * One dispatch, by its default kernel or by one of the variants, which write the same. The runtime may fold the
 * workgroups over x and y: the kernel numbers them `workgroup_id.y * num_workgroups.x + workgroup_id.x` and ignores
 * those past the end.
 */
export interface Dispatch extends Variant {
  /** What it computes, for people. */
  readonly label: string;
  /** The plan of each of its kernels: members of the uniform, in order. */
  readonly words: readonly Word[];
  readonly variants?: readonly Variant[];
}

/** Dispatches in order, and where in the arena they find what they work on. */
export interface Program {
  readonly slots: readonly Slot[];
  readonly dispatches: readonly Dispatch[];
  /** Slot of each input, target, kept or carried state by its name; with carried states that of `RESET` too. */
  readonly inputs: Readonly<Record<string, number>>;
  /** Slot of each output by its port's name. */
  readonly outputs: Readonly<Record<string, number>>;
  /**
   * Slots of one element: `loss` and each metric. In the training step in f16 also `overflow`: the host sets it to 0 before a
   * step, which sets it to another number where its gradients are wrong, being too large for f16 at this `LOSS_SCALE`.
   */
  readonly scalars: Readonly<Record<string, number>>;
  /** Slot of the next value of each kept or carried state, by its name; of the first in the program of the start. */
  readonly nextStates: Readonly<Record<string, number>>;
  /** Training: the slot of all gradients, laid out as the parameters; in f16 times `LOSS_SCALE`. */
  readonly gradients?: number;
}

export type Elem = "f32" | "i32" | "bool";

/** An input, target or output. The batch leads and is implicit; axes are sizes or names of lengths. */
export interface Port {
  readonly name: string;
  readonly elem: Elem;
  readonly shape: readonly (number | string)[];
  /** For ids: the values are 0 … classes−1. */
  readonly classes?: number;
}

/** A kept state of a stream, or a carried one. All axes are there, the batch and `ROOM` by name. */
export interface KeptState {
  readonly name: string;
  readonly elem: Elem;
  readonly shape: readonly (number | string)[];
}

/** A value of the spec that a program gives to look at; its axes are written as those of a kept state. */
export type NamedValue = KeptState;

/** The input of a program that carries states: for each example 1 where it begins anew. [batch] */
export const RESET = "reset";

/** States that the programs of training and evaluation take as inputs, and of which they give the next. */
export interface Carried {
  /** The length whose steps go on in the next batch. */
  readonly length: string;
  readonly states: readonly KeptState[];
}

/** A model as a stream: a step or a chunk at a time. */
export interface Streaming {
  /** The length along which it runs. Inputs without it are given before the first step. */
  readonly length: string;
  /** What the stream holds from step to step: states, caches of past steps, what inputs without steps gave. */
  readonly states: readonly KeptState[];
  /** Computes states from the inputs without steps. Those it does not give are zero. */
  readonly start?: Program;
  readonly step: Program;
}

/** How a parameter starts; see `initialise.ts` for the meaning of each op. */
export type InitExpr =
  | { readonly op: "number"; readonly value: number }
  | { readonly op: "index"; readonly axis: number }
  | { readonly op: string; readonly args: readonly InitExpr[] };

export type Init =
  | { readonly kind: "expression"; readonly expr: InitExpr }
  | { readonly kind: "orthogonal"; readonly gain: number };

/** A parameter, its place and its start. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  /** First element in the flat buffer. */
  readonly offset: number;
  readonly init: Init;
}

/**
 * What a value has to be once its dispatch is done: its Euclidean norm and its product with the signs of `summarise`, each up to
 * the tolerance. It fills a slot, or is the gradient of the parameter of that name.
 */
export type ExpectedValue = readonly [place: number | string, norm: number, projection: number, tolerance: number];

/** A program at small sizes on numbers that `self-test-rule.ts` makes. */
export interface ReferenceRun {
  readonly program: Exclude<keyof Manifest["programs"], "stream"> | "start" | "step";
  /** The batch and the lengths by name, in a stream's steps `PAST` and `ROOM` too. */
  readonly sizes: Readonly<Record<string, number>>;
  /** The number of the run that gives its states; else they are zeros. */
  readonly after?: number;
  /** Of each dispatch, the values of the spec's graph that it writes. */
  readonly dispatches: readonly (readonly ExpectedValue[])[];
  /** Values that are no numbers (NaN) on the reference's inputs, and so nothing to compare with. */
  readonly indefinite?: readonly string[];
}

/** By what a model is tested on the device that runs it. */
export interface Reference {
  /** How far parameters are from where the spec starts them. */
  readonly spread: number;
  readonly runs: readonly ReferenceRun[];
}

/** What the compiler tells the runtime of a model: its ports and parameters, and the programs with their kernels. */
export interface Manifest {
  readonly format: typeof FORMAT;
  /** The model's name in the spec. */
  readonly name: string;
  /** The compiler's version. */
  readonly generator: string;
  /** A hash of what the spec says, whatever its comments: checkpoints are of one spec. */
  readonly spec: string;
  /** Absent where all is stored as f32. */
  readonly precision?: "f16";
  /** Run-time lengths besides the batch. */
  readonly lengths: readonly string[];
  /** Those of which every example has its own: an input [batch] of the programs under the name of the length. */
  readonly ragged?: readonly string[];
  /** What training and evaluation carry from batch to batch; absent unless the model is compiled so. */
  readonly carried?: Carried;
  readonly inputs: readonly Port[];
  readonly targets: readonly Port[];
  readonly outputs: readonly Port[];
  readonly metrics: readonly string[];
  /** Outputs of the program `probe`, by the path of their instance: `rnn.f`, `block.0.rnn.h`. Only if compiled to be probed. */
  readonly probes?: readonly NamedValue[];
  /** Outputs of the program `profile`: of each state a norm for each step of each example. Likewise. */
  readonly profiles?: readonly NamedValue[];
  /** In the order of the flat buffer: first those with weight decay, then those without, then the frozen. */
  readonly parameters: readonly ParameterSpec[];
  /** Elements: [0, decayed) decay, [0, trainable) are updated and have gradients, `total` is the whole buffer. */
  readonly layout: { readonly decayed: number; readonly trainable: number; readonly total: number };
  /** What all kernels share: the bindings, functions. */
  readonly wgsl: string;
  /** Kernels by name: the plan, memory of a workgroup, the entry point. Each is compiled in a module of its own, behind `wgsl`. */
  readonly kernels: Readonly<Record<string, string>>;
  readonly programs: {
    /** These two are absent where the model states no loss. */
    readonly train?: Program;
    readonly evaluate?: Program;
    readonly predict: Program;
    /** The streaming form, or the reason why there is none. */
    readonly stream: Streaming | { readonly refused: string };
    readonly probe?: Program;
    readonly profile?: Program;
  };
  /** Only if compiled to be tested. */
  readonly selfTest?: Reference;
}
