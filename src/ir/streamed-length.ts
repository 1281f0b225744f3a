/** @file Along which length a model streams: asked by the lowering, where lengths are ragged, and by the streaming form. */

import type { Graph } from "./types.js";

/** The first length of an output; of the loops where no output has one; else of the inputs. */
export function streamedLength(lengths: readonly string[], { results, instrs }: Graph): string | undefined {
  const dims = results.flatMap((r) => r.value.type.shape);
  const loops = instrs.flatMap((instr) => (instr.op === "scan" ? [instr.attrs.length] : []));
  return lengths.find((l) => dims.includes(l)) ?? lengths.find((l) => loops.includes(l)) ?? lengths[0];
}
