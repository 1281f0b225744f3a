/**
 * @file What each dispatch of a program is, read off the program itself: its label, its workgroup and what it
 * keeps in workgroup memory. So a new kind of kernel is explained as it explains itself.
 */

import type { Dispatch, Manifest, Pass, Program } from "../../../runtime/manifest.js";
import { present } from "../../support/assert.js";

export interface SharedArray {
  readonly name: string;
  readonly bytes: number;
}

export interface KernelFacts {
  /** Of the dispatch: its number and kind. */
  readonly name: string;
  /** Dispatches that compute alike share one. */
  readonly kernel: string;
  /** `scan`, `matmul`, … */
  readonly kind: string;
  readonly comment: string;
  readonly workgroupSize: number;
  readonly barriers: number;
  /** Arrays that the threads of a workgroup share. */
  readonly shared: readonly SharedArray[];
  /** Other kernels that may do the dispatch, some of them together or again for each step: the run's sizes and the adapter decide, or the tuner. */
  readonly variants: readonly string[];
}

const SIZE = /@workgroup_size\((\d+)\)/;
const ARRAY = /var<workgroup> (?<name>\w+): array<f32, (?<size>\d+)>/g;

const kindOf = ({ kernel }: Dispatch): string => kernel.replace(/_\d+$/, "");

/** A dispatch by its number in the program and its kind: its kernel may do others too. */
export const dispatchName = (dispatch: Dispatch, at: number): string => `k${at}_${kindOf(dispatch)}`;

/** @param kernels the texts, by name. */
export function kernelFacts({ dispatches }: Program, kernels: Manifest["kernels"]): readonly KernelFacts[] {
  return dispatches.map((dispatch, at): KernelFacts => {
    const { kernel, label, variants = [] } = dispatch;
    const [text, kind, name] = [kernels[kernel], kindOf(dispatch), dispatchName(dispatch, at)];
    return {
      name,
      kernel,
      kind,
      comment: label,
      workgroupSize: Number(present(SIZE.exec(text), "explain", "the size of a workgroup")[1]),
      barriers: text.split("workgroupBarrier()").length - 1,
      shared: [...text.matchAll(ARRAY)].map(({ groups = {} }) => ({
        name: groups.name.replace(`${kind}_`, ""),
        bytes: 4 * Number(groups.size),
      })),
      variants: variants.map((variant) => {
        const { before = [], steps, behind = [], spans } = variant;
        const named = (passes: readonly Pass[]) => passes.map((pass) => pass.kernel.replace(kernel, name));
        const main = named([variant, ...(steps?.others ?? [])]);
        const repeated = main.length === 1 ? main[0] : `(${main.join(" + ")})`;
        const own = steps === undefined ? repeated : `${steps.length} × ${repeated}`;
        const all = [...named(before), own, ...named(behind)].join(" + ");
        return spans === undefined ? all : `in spans of ${spans.length} side by side: ${all}`;
      }),
    };
  });
}
