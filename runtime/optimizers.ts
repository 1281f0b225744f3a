/** @file The optimizers, one entry each: defaults, what they remember of every element, and the update of one element. */

import type { Adam, AdamW, Lion, Muon, Optimizer, RmsProp, Sgd } from "./optimizer.js";

/**
 * The update of one element, in WGSL over f32: `p` is the parameter, `g` its gradient after clipping, `rate` and `decay` its
 * learning rate and weight decay.
 */
export interface Rule {
  /** What is remembered of every element from update to update, by the names of its variables. All begin at 0. */
  readonly slots: readonly string[];
  /** Numbers that the kernel reads, made of the options in f64. */
  readonly words: Readonly<Record<string, number>>;
  /** Numbers that depend on `n`, the number of this update from 1: expressions of that and of `step.word`. */
  readonly factors?: Readonly<Record<string, string>>;
  /** Statements that change `p` and the slots' variables. Words and factors are there by their names. */
  readonly element: string;
}

export interface Entry<O extends Optimizer> {
  /** Those of `torch.optim`, where it has the optimizer. */
  readonly defaults: Omit<O, "type">;
  readonly rule: (options: O) => Rule;
}

/** L2: as if the loss had ½ · decay · p² besides. */
const ADD_DECAY = "g += decay * p;\n";
/** Decoupled: the parameter shrinks, whatever the gradient. */
const SHRINK = "p -= rate * decay * p;\n";

/** A running mean weighs the past by beta; 1 − beta would lose digits in f32. */
const fading = (name: string, beta: number) => ({ [name]: beta, [`${name}Rest`]: 1 - beta });

/** With bias correction by 1 − βⁿ; the logarithm of 0 stands for all whose powers are below f32. */
function moments({ beta1, beta2, eps }: Pick<Adam, "beta1" | "beta2" | "eps">, decayed: string): Rule {
  return {
    slots: ["m", "v"],
    words: {
      ...fading("beta1", beta1),
      ...fading("beta2", beta2),
      logBeta1: Math.max(-100, Math.log(beta1)),
      logBeta2: Math.max(-100, Math.log(beta2)),
      eps,
    },
    factors: {
      correction1: "oneLessPower(step.logBeta1, n)",
      correction2: "sqrt(oneLessPower(step.logBeta2, n))",
    },
    element: `${decayed}m = beta1 * m + beta1Rest * g;
v = beta2 * v + beta2Rest * g * g;
p -= rate / correction1 * m / (sqrt(v) / correction2 + eps);
`,
  };
}

/** b ← μ b + g; p ← p − η b, or with Nesterov p ← p − η (g + μ b). */
const sgd: Entry<Sgd> = {
  defaults: { learningRate: 1e-3, momentum: 0, nesterov: false, weightDecay: 0 },
  rule({ momentum, nesterov }): Rule {
    if (momentum === 0) return { slots: [], words: {}, element: `${ADD_DECAY}p -= rate * g;\n` };
    const direction = nesterov ? "g + momentum * b" : "b";
    return {
      slots: ["b"],
      words: { momentum },
      element: `${ADD_DECAY}b = momentum * b + g;\np -= rate * (${direction});\n`,
    };
  },
};

/** s ← α s + (1 − α) g²; p ← p − η g / (√s + ε), √(s − mean(g)²) where centered; momentum adds up the quotients. */
const rmsprop: Entry<RmsProp> = {
  defaults: { learningRate: 1e-2, alpha: 0.99, eps: 1e-8, momentum: 0, centered: false, weightDecay: 0 },
  rule({ alpha, eps, momentum, centered }): Rule {
    const mean = centered ? "mean = alpha * mean + alphaRest * g;\n" : "";
    // Rounding may make a variance negative.
    const root = centered ? "sqrt(max(s - mean * mean, 0.0))" : "sqrt(s)";
    const quotient = `g / (${root} + eps)`;
    const move = momentum === 0 ? `p -= rate * ${quotient};\n` : `b = momentum * b + ${quotient};\np -= rate * b;\n`;
    return {
      slots: ["s", ...(momentum === 0 ? [] : ["b"]), ...(centered ? ["mean"] : [])],
      words: { ...fading("alpha", alpha), eps, ...(momentum === 0 ? {} : { momentum }) },
      element: `${ADD_DECAY}s = alpha * s + alphaRest * g * g;\n${mean}${move}`,
    };
  },
};

/** Algorithm 1 of the paper: m and v are running means of g and g², p ← p − η m̂ / (√v̂ + ε). */
const adam: Entry<Adam> = {
  defaults: { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 },
  rule: (options) => moments(options, ADD_DECAY),
};

/** Algorithm 2 of the paper: Adam, and p ← p − η λ p. */
const adamw: Entry<AdamW> = {
  defaults: { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 },
  rule: (options) => moments(options, SHRINK),
};

/** Algorithm 2 of the paper: p ← p − η (sign(β₁ m + (1 − β₁) g) + λ p), then m ← β₂ m + (1 − β₂) g. */
const lion: Entry<Lion> = {
  defaults: { learningRate: 1e-4, beta1: 0.9, beta2: 0.99, weightDecay: 0 },
  rule: ({ beta1, beta2 }) => ({
    slots: ["m"],
    words: { ...fading("beta1", beta1), ...fading("beta2", beta2) },
    element: `${SHRINK}p -= rate * sign(beta1 * m + beta1Rest * g);
m = beta2 * m + beta2Rest * g;
`,
  }),
};

/** AdamW's entry for what is no matrix, and the words for what is: see `muon-kernels.ts`. Their momentum lies where m is. */
const muon: Entry<Muon> = {
  defaults: {
    learningRate: 1e-3,
    momentum: 0.95,
    nesterov: true,
    weightDecay: 0.1,
    adamw: { ...adamw.defaults, learningRate: 1e-3, parameters: [] },
  },
  rule(options) {
    const rest = moments(options.adamw, SHRINK);
    return { ...rest, words: { ...rest.words, ...fading("momentum", options.momentum) } };
  },
};

export const OPTIMIZERS: { readonly [T in Optimizer["type"]]: Entry<Extract<Optimizer, { type: T }>> } = {
  sgd,
  rmsprop,
  adam,
  adamw,
  lion,
  muon,
};

export function ruleOf<O extends Optimizer>(options: O): Rule {
  // The entry of a type takes the options of that type, which no index of a union says.
  const { rule } = OPTIMIZERS[options.type] as unknown as Entry<O>;
  return rule(options);
}
