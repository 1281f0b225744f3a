/** @file What is measured: models, their shapes, and the parameters under which the specs are compiled. */

import { fileURLToPath } from "node:url";

/** What a peer has to know to build the same model. */
export type ModelName = "lstm" | "gru" | "rnn" | "ssm" | "char-lm" | "mamba" | "attention";

export interface Case {
  /** The model and its shape: `lstm-16-32-16-64` is B 16, T 32, I 16, H 64. */
  readonly name: string;
  readonly model: ModelName;
  /** The spec's path. */
  readonly spec: string;
  /** The spec's parameters. */
  readonly set: Readonly<Record<string, number>>;
  readonly batch: number;
  readonly length: number;
  /** More than a software adapter does in reasonable time. */
  readonly large: boolean;
  /** Part of the comparison over lengths, which is drawn besides. */
  readonly curve: boolean;
}

interface Shapes {
  readonly sizes: readonly [batch: number, length: number, ...set: number[]][];
  /** Names of the spec's parameters, in the order of the sizes after batch and length. */
  readonly names: readonly string[];
  /** Whether a shape is large. */
  readonly large?: (batch: number, length: number) => boolean;
  readonly curve?: boolean;
}

const RECURRENT: Shapes["sizes"] = [
  [16, 32, 16, 64],
  [16, 128, 16, 64],
  [16, 64, 128, 256],
  [32, 512, 256, 512],
];

const LENGTHS = [128, 256, 512, 1024, 2048, 4096, 8192];

const TABLE: readonly [ModelName, Shapes][] = [
  ...(["lstm", "gru", "rnn"] as const).map((model): [ModelName, Shapes] => [
    model,
    { names: ["I", "H"], sizes: RECURRENT, large: (_, length) => length >= 512 },
  ]),
  [
    "ssm",
    {
      names: ["D", "N"],
      sizes: [
        [4, 256, 64, 16],
        [4, 4096, 64, 16],
        [8, 8192, 512, 16],
      ],
      large: (_, length) => length >= 8192,
    },
  ],
  ["char-lm", { names: ["V", "E", "H"], sizes: [[16, 64, 96, 32, 128]] }],
  ["mamba", { names: ["D", "N"], sizes: [[4, 128, 32, 16]] }],
  [
    "attention",
    { names: ["D", "Heads"], sizes: LENGTHS.map((t) => [1, t, 64, 4]), large: (_, t) => t > 1024, curve: true },
  ],
  ["ssm", { names: ["D", "N"], sizes: LENGTHS.map((t) => [1, t, 64, 16]), large: (_, t) => t > 4096, curve: true }],
];

export const CASES: readonly Case[] = TABLE.flatMap(([model, { names, sizes, large = () => false, curve = false }]) =>
  sizes.map(([batch, length, ...values]) => ({
    name: [model, batch, length, ...values].join("-"),
    model,
    spec: specOf(model),
    set: Object.fromEntries(names.map((name, i) => [name, values[i]])),
    batch,
    length,
    large: large(batch, length),
    curve,
  })),
);

/** The character model is the library's own; the others need no ragged lengths. */
function specOf(model: ModelName): string {
  const path = model === "char-lm" ? "../specs/models/char-lm.seq" : `./specs/${model}.seq`;
  return fileURLToPath(new URL(path, import.meta.url));
}

/** Those whose name is one of `patterns` or begins with one and a dash; all where there are none. */
export function selectCases(patterns: readonly string[]): readonly Case[] {
  if (patterns.length === 0) return CASES;
  for (const pattern of patterns) {
    if (!CASES.some(({ name }) => matches(name, pattern))) throw new Error(`no case is called ${pattern}`);
  }
  return CASES.filter(({ name }) => patterns.some((pattern) => matches(name, pattern)));
}

function matches(name: string, pattern: string): boolean {
  return name === pattern || name.startsWith(`${pattern}-`);
}
