/**
 * @file The kernels of a module, each once. Kernels are equal where they differ in the names that they make up alone: what
 * depends on where a kernel stands (offsets, the run's sizes) reaches it in words of its dispatch's plan. So equal layers,
 * and the programs for training, evaluation and prediction, have one text and one pipeline.
 */

import type { Dispatch, Manifest, Pass, Variant, Word } from "../../runtime/manifest.js";
import type { Scratch } from "./context.js";
import type { Kernel, PlanWord } from "./kernel-ir.js";
import type { StageForm } from "./stage-form.js";
import { printKernel, printPlan, printShared, type Spelling } from "./wgsl.js";

/** Between what the parts of a dispatch compute. */
const PARTS = "; ";

interface Named {
  readonly dispatch: Dispatch;
  /** What its parts compute. */
  readonly comments: readonly string[];
  /** Of the words of its plan. */
  readonly names: readonly string[];
}

/** A dispatch that others of its form may follow. */
interface Model extends Named {
  readonly form: StageForm;
  /** The regions that its kernels asked for. */
  readonly regions: readonly { readonly of: Parameters<Scratch>; readonly offset: PlanWord }[];
}

export class KernelStore {
  readonly #forms = new Map<string, Model>();
  readonly #texts: [name: string, text: string][] = [];
  /** The names of kernels that do a dispatch, by their texts without names. */
  readonly #known = new Map<string, readonly string[]>();
  readonly #counts = new Map<string, number>();

  /**
   * A dispatch by any of several kernels, the default first.
   * @param make is given `scratch`; not asked where a dispatch of this form was met.
   */
  dispatch(make: (scratch: Scratch) => readonly Kernel[], scratch: Scratch, form?: StageForm): Dispatch {
    const known = form && this.#forms.get(form.key);
    if (form !== undefined && known !== undefined) return moved(known, form, scratch);
    const regions: Model["regions"][number][] = [];
    const noted: Scratch = (...of) => {
      const offset = scratch(...of);
      regions.push({ of, offset });
      return offset;
    };
    const made = this.#named(make(noted));
    if (form !== undefined && hasTitles(made, form)) this.#forms.set(form.key, { ...made, form, regions });
    return made.dispatch;
  }

  /** Also the names of the words of its plan. */
  #named(choices: readonly Kernel[]): Named {
    const [first, ...others] = choices;
    const kernels = choices.flatMap(withOthers);
    const { words, spelling } = numbered();
    const key = kernels.map((kernel) => printKernel(kernel, "main", spelling())).join("\n");
    const names = this.#known.get(key) ?? this.#keep(kernels);
    this.#known.set(key, names);
    const nameOf = (kernel: Kernel) => names[kernels.indexOf(kernel)];
    const variants = others.map((kernel) => variantOf(kernel, nameOf));
    const { work, ...alone } = variantOf(first, nameOf);
    const comments = first.comment.split("\n");
    const dispatch = {
      label: comments.join(PARTS),
      ...alone,
      ...(work && variants.length > 0 && { work }),
      words: [...words.values()],
      ...(variants.length > 0 && { variants }),
    };
    return { dispatch, comments, names: [...words.keys()] };
  }

  texts(): Pick<Manifest, "wgsl" | "kernels"> {
    const texts = this.#texts.map(([, text]) => text);
    return { wgsl: printShared(texts), kernels: Object.fromEntries(this.#texts) };
  }

  #keep(kernels: readonly Kernel[]): readonly string[] {
    const kind = withoutPlace(kernels[0].name);
    const count = this.#counts.get(kind) ?? 0;
    this.#counts.set(kind, count + 1);
    const names = kernels.map(({ name }) => `${kind}_${count}${name.slice(kernels[0].name.length)}`);
    const { members, spelling } = readable();
    const bodies = kernels.map((kernel, i) => printKernel(kernel, names[i], spelling(kernel)));
    const plan = printPlan(members());
    kernels.forEach(({ comment }, i) => {
      this.#texts.push([names[i], `${comment.replaceAll(/^/gm, "// ")}\n${plan}${bodies[i]}`]);
    });
    return names;
  }
}

/** A kernel's name without its place in the program: `k3_scan` is `scan`. */
const withoutPlace = (name: string): string => name.replace(/^k\d+_/, "");

const hasTitles = ({ comments }: Named, { titles }: StageForm): boolean =>
  comments.length === titles.length && comments.every((comment, i) => comment.startsWith(titles[i]));

/** A dispatch with its arrays elsewhere, under other names. */
function moved({ dispatch, comments, names, form, regions }: Model, to: StageForm, scratch: Scratch): Dispatch {
  const there = new Map([
    ...form.words.map(({ name }, i) => [name, to.words[i].word] as const),
    ...regions.map(({ of, offset }) => [offset.name, scratch(...of).word] as const),
  ]);
  const words = dispatch.words.map((word, i) => there.get(names[i]) ?? word);
  const parts = comments.map((comment, i) => to.titles[i] + comment.slice(form.titles[i].length));
  return { ...dispatch, label: parts.join(PARTS), words };
}

/** Everything by its number in the order of its first appearance; words are numbered through all kernels of a dispatch. */
function numbered(): { readonly words: ReadonlyMap<string, Word>; readonly spelling: () => Spelling } {
  const words = new Map<string, Word>();
  const numbers = new Map<string, string>();
  return {
    words,
    spelling() {
      const locals = new Map<string, string>();
      return {
        declare(name) {
          locals.set(name, `v${locals.size}`);
          return locals.get(name) ?? name;
        },
        use: (name) => locals.get(name) ?? name,
        word(name, word) {
          const known = numbers.get(name) ?? `w${numbers.size}`;
          numbers.set(name, known);
          words.set(name, word);
          return known;
        },
      };
    },
  };
}

/** Names as they were made up, in the same order. Those that begin with the kernel's, as arrays do, lose its place. */
function readable(): { readonly members: () => readonly string[]; readonly spelling: (kernel: Kernel) => Spelling } {
  const members = new Set<string>();
  return {
    members: () => [...members],
    spelling({ name: own }) {
      const use = (name: string) => (name.startsWith(`${own}_`) ? withoutPlace(name) : name);
      return {
        declare: use,
        use,
        word(name) {
          members.add(name);
          return name;
        },
      };
    },
  };
}

/** A kernel and those that it needs besides. */
const withOthers = (kernel: Kernel): readonly Kernel[] => [
  kernel,
  ...(kernel.steps?.others ?? []),
  ...(kernel.before ?? []),
  ...(kernel.behind ?? []),
];

function variantOf(kernel: Kernel, nameOf: (kernel: Kernel) => string): Variant {
  const {
    rows,
    own,
    height,
    width,
    work,
    quads,
    workgroupSize,
    arrays,
    spans,
    steps,
    before = [],
    behind = [],
  } = kernel;
  const passOf = (each: Kernel): Pass => ({ kernel: nameOf(each), groups: each.groups });
  // WebGPU counts each array in pieces of 16 bytes.
  const workgroupBytes = arrays.reduce((sum, { size }) => sum + 16 * Math.ceil(size / 4), 0);
  return {
    ...passOf(kernel),
    ...(before.length > 0 && { before: before.map(passOf) }),
    ...(behind.length > 0 && { behind: behind.map(passOf) }),
    ...(spans && { spans }),
    ...(steps && { steps: { ...steps, others: steps.others.map(passOf) } }),
    ...(rows !== undefined && { rows }),
    ...(own !== undefined && { own }),
    ...(height !== undefined && { height }),
    ...(width !== undefined && { width }),
    ...(work !== undefined && { work }),
    ...(quads === true && { quads }),
    threads: workgroupSize,
    ...(workgroupBytes > 0 && { workgroupBytes }),
  };
}
