/**
 * @file The optimiser's two kernels over the flat buffers: partial sums of the squared gradients, then clipping and
 * AdamW (Loshchilov and Hutter 2019, as torch.optim.AdamW) in one. Independent of the model but for three sizes.
 */

import { LOSS_SCALE } from "../../runtime/manifest.js";
import { Block } from "./block.js";
import {
  add,
  call,
  type Expr,
  f32,
  GROUP,
  infix,
  type Kernel,
  load,
  mul,
  planWord,
  THREAD,
  u32,
  variable,
} from "./kernel-ir.js";

const WORKGROUP = 64;
/** Elements a thread, a workgroup's width apart. */
const RUN = 8;
/** Few enough that every thread of the update adds them up for itself, which spares it a barrier. */
const MAX_PARTIALS = 32;

const hyper = (field: string): Expr => variable(`hyper.${field}`, "f32", 0);

export interface ParameterLayout {
  /** Elements [0, decayed) have weight decay; [0, trainable) are updated. */
  readonly decayed: number;
  readonly trainable: number;
}

export function partialCount({ trainable }: ParameterLayout): number {
  return Math.min(MAX_PARTIALS, Math.ceil(trainable / (WORKGROUP * RUN)));
}

/** Of a step in f16: where it says whether its gradients, which are times `LOSS_SCALE`, are wrong. */
export interface Scaling {
  readonly overflow: Expr;
}

/** partials[i] = Σ g² over every partialCount-th run of a workgroup's width. */
export function squaresKernel(
  layout: ParameterLayout,
  gradients: Expr,
  partials: Expr,
  scaling: Scaling | undefined,
): Kernel {
  const block = new Block();
  const name = "squares";
  const memory = `${name}_sum`;
  const total = block.variable(f32(0), "total");
  const stride = WORKGROUP * partialCount(layout);
  block.loop(
    "i",
    u32(layout.trainable),
    (i) => {
      const g = block.let(gradient(block, add(gradients, i), scaling), "g");
      block.assign(total, add(total, mul(g, g)));
    },
    add(mul(GROUP, u32(WORKGROUP)), THREAD),
    u32(stride),
  );
  block.store(memory, THREAD, total);
  for (let half = WORKGROUP / 2; half >= 1; half /= 2) {
    block.barrier(false);
    block.if(infix("<", THREAD, u32(half)), () => {
      const [mine, theirs] = [THREAD, add(THREAD, u32(half))].map((i) => block.read(load(memory, i), "part"));
      block.store(memory, THREAD, add(mine, theirs));
    });
  }
  block.if(infix("==", THREAD, u32(0)), () => {
    block.store("arena", add(partials, GROUP), block.read(load(memory, u32(0)), "sum"));
  });
  return {
    name,
    comment: "squares of all gradients, added up in parts",
    layout: "step",
    workgroupSize: WORKGROUP,
    arrays: [{ name: memory, size: WORKGROUP }],
    groups: [[{ factor: partialCount(layout), lengths: [], divisor: 1 }]],
    body: block.stmts,
  };
}

/**
 * Clips by the global norm and updates parameters and both moments; stores the norm before clipping.
 * Nothing is updated where the gradients are wrong, unless no scale is smaller.
 */
export function adamwKernel(
  layout: ParameterLayout,
  gradients: Expr,
  partials: Expr,
  norm: Expr,
  scaling: Scaling | undefined,
): Kernel {
  const block = new Block();
  const name = "adamw";
  const parts = Array.from({ length: partialCount(layout) }, (_, i) =>
    block.let(load("arena", add(partials, u32(i))), "part"),
  );
  const length = block.let(call("sqrt", "f32", parts.reduce(add, f32(0))), "norm");
  const limit = hyper("clipNorm");
  // As torch.nn.utils.clip_grad_norm_: min(1, limit / (norm + 1e-6)); a limit of 0 means none.
  const shrink = call("min", "f32", f32(1), infix("/", limit, add(length, f32(1e-6))));
  const scale = block.let(call("select", "f32", shrink, f32(1), infix("==", limit, f32(0))), "scale");
  const first = block.let(add(mul(GROUP, u32(WORKGROUP * RUN)), THREAD), "first");
  block.if(infix("==", first, u32(0)), () => block.store("arena", norm, length));
  const whole = call("min", "u32", add(first, u32(WORKGROUP * RUN)), u32(layout.trainable));
  const end = block.let(scaling ? call("select", "u32", whole, u32(0), isWrong(scaling)) : whole, "end");
  const element = (i: Expr) => {
    const g = block.let(mul(gradient(block, add(gradients, i), scaling), scale), "g");
    const blend = (beta: Expr, old: Expr, fresh: Expr) =>
      block.let(add(mul(beta, old), mul(infix("-", f32(1), beta), fresh)), "moment");
    const second = add(i, u32(layout.trainable));
    const m = blend(hyper("beta1"), load("moments", i), g);
    const v = blend(hyper("beta2"), load("moments", second), mul(g, g));
    const decay = block.let(mul(hyper("lr"), hyper("weightDecay")), "decay");
    const kept = infix("-", f32(1), call("select", "f32", f32(0), decay, infix("<", i, u32(layout.decayed))));
    const root = call("sqrt", "f32", infix("/", v, hyper("correction2")));
    const direction = infix("/", infix("/", m, hyper("correction1")), add(root, hyper("eps")));
    const p = block.let(infix("-", mul(load("params_rw", i), kept), mul(hyper("lr"), direction)), "p");
    block.store("moments", i, m);
    block.store("moments", second, v);
    block.store("params_rw", i, p);
  };
  block.loop("i", end, element, first, u32(WORKGROUP));
  return {
    name,
    comment: "clip by the global norm, then AdamW",
    layout: "update",
    workgroupSize: WORKGROUP,
    arrays: [],
    groups: [[{ factor: layout.trainable, lengths: [], divisor: WORKGROUP * RUN }]],
    body: block.stmts,
  };
}

/** As if the loss had not been scaled: a power of two changes no digit. */
function gradient(block: Block, place: Expr, scaling: Scaling | undefined): Expr {
  const held = load("arena", place);
  if (scaling === undefined) return held;
  const inverse = block.let(infix("/", f32(1), call("f32", "f32", planWord(LOSS_SCALE))), "inverse");
  return mul(held, inverse);
}

function isWrong({ overflow }: Scaling): Expr {
  const flagged = infix("!=", load("arena", overflow), f32(0));
  return infix("&&", flagged, infix(">", planWord(LOSS_SCALE), u32(1)));
}
