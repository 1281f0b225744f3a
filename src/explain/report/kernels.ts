/**
 * @file What each dispatch of a program is, read off the program itself: the kernel's own comment, its workgroup and what it
 * keeps in workgroup memory. So a new kind of kernel is explained as it explains itself.
 */

import type { Program } from "../../../runtime/manifest.js";
import { wholeText } from "../../codegen/wgsl.js";
import { present } from "../../support/assert.js";

export interface SharedArray {
  readonly name: string;
  readonly bytes: number;
}

export interface KernelFacts {
  readonly name: string;
  /** `scan`, `matmul`, …: the second word of its name, or all of it. */
  readonly kind: string;
  readonly comment: string;
  readonly workgroupSize: number;
  readonly barriers: number;
  /** Arrays that the threads of a workgroup share. */
  readonly shared: readonly SharedArray[];
  /** Other kernels that may do the dispatch: the run's sizes and the adapter decide, or the tuner. */
  readonly variants: readonly string[];
}

const KERNEL =
  /\n(?<comment>(?:\/\/ .*\n)+)(?<arrays>(?:var<workgroup> .*\n)*)@compute @workgroup_size\((?<size>\d+)\)\nfn (?<name>\w+)\((?<body>[\s\S]*?)\n}/g;
const ARRAY = /var<workgroup> (?<name>\w+): array<f32, (?<size>\d+)>/g;

export function kernelFacts(program: Program): readonly KernelFacts[] {
  const { dispatches } = program;
  const kernels = new Map([...wholeText(program).matchAll(KERNEL)].map(({ groups = {} }) => [groups.name, groups]));
  return dispatches.map(({ kernel: name, variants = [] }): KernelFacts => {
    const { comment, arrays, size, body } = present(kernels.get(name), "explain", `the kernel ${name}`);
    return {
      name,
      kind: /^k\d+_(.*)$/.exec(name)?.[1] ?? name,
      comment: comment.replaceAll(/^\/\/ /gm, "").trim(),
      workgroupSize: Number(size),
      barriers: body.split("workgroupBarrier()").length - 1,
      shared: [...arrays.matchAll(ARRAY)].map(({ groups = {} }) => ({
        name: groups.name.replace(`${name}_`, ""),
        bytes: 4 * Number(groups.size),
      })),
      variants: variants.map(({ kernel }) => kernel),
    };
  });
}
