/** @file The folder of a run: what lies where, and what of it is there already. */

import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { FileCheckpointStore } from "../../../runtime/checkpoint-store-node.js";
import { BYTES, Vocabulary } from "../../../runtime/data/text.js";
import type { SourceHost } from "../../check/host.js";
import { CommandError } from "../exit.js";
import { readText, reason, writeFiles } from "../files.js";
import { mergeConfigs, type RunConfig, readConfig, withPaths } from "../train/config.js";
import type { Codec } from "../train/text-data.js";

const NAMES = {
  config: "config.json",
  metrics: "metrics.jsonl",
  summary: "summary.json",
  vocabulary: "vocabulary.json",
  parameters: "parameters.safetensors",
  report: "report.html",
  samples: "samples.txt",
  checkpoints: "checkpoints",
  spec: "spec",
} as const;

export class RunFolder {
  readonly checkpoints: FileCheckpointStore;

  constructor(readonly path: string) {
    this.checkpoints = new FileCheckpointStore(this.at("checkpoints"));
  }

  at(name: keyof typeof NAMES): string {
    return join(this.path, NAMES[name]);
  }

  /** Whether some run was begun here. */
  get isThere(): boolean {
    return existsSync(this.at("config"));
  }

  /** What the run was begun with. @throws CommandError where none was. */
  config(): RunConfig {
    if (!this.isThere) throw new CommandError(`${this.path} is no folder of a run: it has no ${NAMES.config}`);
    return mergeConfigs(readConfig(this.at("config")));
  }

  /** The names of what lies in it. */
  contents(): string[] {
    return readdirSync(this.path).sort();
  }

  /** Writes whole files, by their place in `NAMES`. */
  write(files: Partial<Record<keyof typeof NAMES, string | Uint8Array>>): void {
    const entries = Object.entries(files) as [keyof typeof NAMES, string | Uint8Array][];
    writeFiles(this.path, new Map(entries.map(([name, content]) => [NAMES[name], content])));
  }

  /**
   * Makes the folder ready for a new run, with copies of its spec's files.
   * @throws CommandError where a run lies there that could go on.
   */
  begin(config: RunConfig, sources: ReadonlyMap<string, string>): void {
    if (this.isThere && !existsSync(this.at("summary"))) {
      throw new CommandError(
        `${this.path} holds a run that was cut short: go on with it by --resume ${this.path}, or give another --out`,
      );
    }
    for (const name of ["checkpoints", "spec", "metrics", "summary", "report", "samples"] as const) {
      rmSync(this.at(name), { recursive: true, force: true });
    }
    const base = commonFolder([...sources.keys()]);
    const copies = [...sources].map(([name, text]) => [relative(base, resolve(name)), text] as const);
    for (const [name, text] of copies) {
      const path = join(this.at("spec"), name);
      writeFiles(dirname(path), new Map([[path.slice(dirname(path).length + 1), text]]));
    }
    const own = withPaths(config, (path) => relative(this.path, resolve(path)));
    const spec = join(NAMES.spec, relative(base, resolve(config.spec)));
    this.write({ config: json({ ...own, spec }) });
  }

  /** How its model reads and writes texts; none where it does not. */
  codec(config: RunConfig): Codec | undefined {
    if (config.bytes !== undefined) return BYTES;
    return existsSync(this.at("vocabulary")) ? readVocabulary(this.at("vocabulary")) : undefined;
  }
}

/** @throws CommandError where the file is no list of characters. */
export function readVocabulary(path: string): Vocabulary {
  try {
    return new Vocabulary(JSON.parse(readText(path)) as string[]);
  } catch (error) {
    throw new CommandError(`${path}: ${reason(error)}`);
  }
}

/** @throws CommandError where the file cannot be read. */
export function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${reason(error)}`);
  }
}

/** A host that keeps the texts of the files that are the user's own, and not of the standard library. */
export function recordingHost(host: SourceHost, sources: Map<string, string>): SourceHost {
  return {
    read(name) {
      const text = host.read(name);
      if (text !== undefined && !name.startsWith("std/")) sources.set(name, text);
      return text;
    },
    resolve: (from, specifier) => host.resolve(from, specifier),
  };
}

/** The innermost folder that holds all the files. */
function commonFolder(files: readonly string[]): string {
  const parts = files.map((file) => dirname(resolve(file)).split(sep));
  const shared = parts[0].findIndex((part, at) => parts.some((other) => other[at] !== part));
  return parts[0].slice(0, shared < 0 ? undefined : shared).join(sep) || sep;
}

export const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
